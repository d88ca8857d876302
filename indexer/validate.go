package indexer

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"pulltrail/internal/problem"
	"pulltrail/internal/topic"
)

// The ranges of the numbers in the section.
const (
	maxBatchSize    = 10_000
	minBatchBytes   = 16 << 10
	maxBatchBytes   = 90 << 20 // clusters take requests of up to 100 MiB (http.max_content_length)
	minJournalBytes = 1 << 20
	maxConcurrency  = 64
	maxBodyFile     = 1 << 20
)

// Validate finds what can be found wrong without knowing our own topic; see
// ValidateOwn for the rest.
func (c Config) Validate() problem.List {
	var list problem.List
	list.AddUnder(openSearchName, c.OpenSearch.validate(openSearchName))
	list.AddUnder(elasticsearchName, c.Elasticsearch.validate())
	if c.Concurrency < 1 || c.Concurrency > maxConcurrency {
		list.Add("concurrency", c.Concurrency, "is out of range: write 1 to %d", maxConcurrency)
	}
	if c.BatchSize < 1 || c.BatchSize > maxBatchSize {
		list.Add("batch_size", c.BatchSize, "is out of range: write 1 to %d", maxBatchSize)
	}
	if c.BatchBytes < minBatchBytes || c.BatchBytes > maxBatchBytes {
		list.Add("batch_bytes", c.BatchBytes, "is out of range: write %d to %d", minBatchBytes, maxBatchBytes)
	}
	if c.JournalMaxBytes < minJournalBytes {
		list.Add("journal_max_bytes", c.JournalMaxBytes, "is too small: write at least %d", minJournalBytes)
	}
	for i, r := range c.Routes {
		list.AddUnder(routeKey(i), r.validate())
		if filter, levels, err := parseTopic(r.Topic); r.Kind == KindSnapshot && err == nil && len(levels) > 0 {
			list.Add(routeKey(i)+".topic", r.Topic, "snapshots have their fields already: write %s", filter)
		}
		if r.Kind == KindDocument && len(c.Clusters()) == 0 {
			list.Add(routeKey(i)+".kind", r.Kind, "documents have nowhere to go: name a cluster in indexer.opensearch.urls or indexer.elasticsearch.urls, or remove the route")
		}
		c.validateKeep(&list, i)
		for j, earlier := range c.Routes[:i] {
			if topic.Covers(earlier.Filter(), r.Filter()) {
				list.Add(routeKey(i)+".topic", r.Topic, "is never reached, because routes[%d] (%s) takes all of it first: write the narrower route before the wider one", j, earlier.Topic)
				break
			}
		}
	}
	return list
}

// ValidateOwn finds routes that would take our own snapshots, whose topics match
// ownTopic (a filter), away from history, and routes for which nothing is left.
func (c Config) ValidateOwn(ownTopic string) problem.List {
	var list problem.List
	last := -1 // the configured snapshot route that takes all of ownTopic
	for i, r := range c.Routes {
		if r.Kind == KindSnapshot && topic.Covers(r.Filter(), ownTopic) {
			last = i
			break
		}
	}
	for i, r := range c.Routes {
		if age, err := ParseAge(r.Keep); last < 0 && r.Index == DefaultSnapshotIndex && err == nil && !age.IsZero() {
			list.Add(routeKey(i)+".keep", r.Keep, "is about an index that Pulltrail's own snapshots (%s) have too: write a route of kind: snapshot for those with the same keep, or another index", ownTopic)
		}
		switch {
		case r.Kind != KindDocument:
		case i < last && topic.Overlap(r.Filter(), ownTopic):
			list.Add(routeKey(i)+".topic", r.Topic, "takes Pulltrail's own snapshots (%s) before routes[%d], so that they never reach history: write the snapshot route first", ownTopic, last)
		case topic.Covers(ownTopic, r.Filter()) && last < 0:
			list.Add(routeKey(i)+".topic", r.Topic, "is never reached, because Pulltrail's own snapshots (%s) have that topic: write kind: snapshot, or another topic", ownTopic)
		}
	}
	return list
}

// validateKeep finds what keep of a route contradicts.
func (c Config) validateKeep(list *problem.List, i int) {
	r := c.Routes[i]
	age, err := ParseAge(r.Keep)
	if err != nil {
		list.Add(routeKey(i)+".keep", r.Keep, "%v", err)
		return
	}
	if !age.IsZero() && !parsePattern(r.Index).has('Y') {
		list.Add(routeKey(i)+".keep", r.Keep, "needs an index whose name says how old its documents are: write {Y} or {Y}-{m} or {Y}-{m}-{d} into index (%s), or remove this", r.Index)
	}
	for j, earlier := range c.Routes[:i] {
		if other, err := ParseAge(earlier.Keep); err == nil && earlier.Index == r.Index && other != age {
			list.Add(routeKey(i)+".keep", r.Keep, "is not that of routes[%d] (%s), which has the same index: write the same, or give them an index each", j, cmp.Or(earlier.Keep, "for ever"))
			return
		}
	}
}

func routeKey(i int) string { return fmt.Sprintf("routes[%d]", i) }

func (r Route) validate() problem.List {
	var list problem.List
	levels := r.validateTopic(&list)
	if err := checkTemplate(r.Index); err != nil {
		list.Add("index", r.Index, "%v", namesLevel(r.Index, levels, err))
	}
	if r.BodyFile != "" {
		if _, err := readBody(r.BodyFile); err != nil {
			list.Add("body_file", r.BodyFile, "%v; name a file with one JSON object: settings and mappings", err)
		}
	}
	if r.Body != "" {
		if err := checkBody([]byte(r.Body)); err != nil {
			list.Add("body", nil, "%v; write one JSON object: settings and mappings", err)
		}
		if r.BodyFile != "" {
			list.Add("body_file", r.BodyFile, "stands beside body: keep one of the two")
		}
	}
	switch r.Kind {
	case KindDocument:
		r.validatePayload(&list, levels)
		r.validateUntimed(&list)
		switch rule, err := parseIDRule(r.ID, r.TimeField); {
		case err != nil:
			list.Add("id", r.ID, "%v", err)
		case rule.kind == idFields && r.TimeField == "" && strings.Contains(r.Index, "{"):
			list.Add("time_field", nil, "is missing: an index by date with ids from fields needs the document's own time, "+
				"else one that the broker sends again on another day is stored twice; name the field, or write an index without a date")
		}
		if r.TimeField != "" && slices.Contains(strings.Split(r.TimeField, "."), "") {
			list.Add("time_field", r.TimeField, "has an empty part: write a field, or a path such as meta.time")
		}
	case KindSnapshot:
		if topic.Bare(r.Topic) != r.Topic {
			list.Add("topic", r.Topic, "snapshots are not shared between subscribers, each keeps them all: write %s", topic.Bare(r.Topic))
		}
		if r.Payload != "" {
			list.Add("payload", r.Payload, "snapshots are JSON objects of one kind: remove it")
		}
		if r.ID != "" {
			list.Add("id", r.ID, "snapshots have an id of their own: remove it")
		}
		if r.TimeField != "" {
			list.Add("time_field", r.TimeField, "snapshots are dated by their slot: remove it")
		}
		if r.Untimed != "" {
			list.Add("untimed", r.Untimed, "snapshots are dated by their slot: remove it")
		}
	default:
		list.Add("kind", r.Kind, "is unknown: write %s or %s", KindSnapshot, KindDocument)
	}
	return list
}

// validateTopic returns the fields that the topic has.
func (r Route) validateTopic(list *problem.List) []level {
	filter, levels, err := r.parseTopic()
	if err == nil {
		err = topic.CheckFilter(filter)
	}
	if err != nil {
		list.Add("topic", r.Topic, "%v", err)
	}
	return levels
}

// namesLevel is what is wrong with an index name that has a field of the topic: strangers
// publish under any topic, and each would make an index.
func namesLevel(index string, levels []level, err error) error {
	for _, l := range levels {
		if strings.Contains(index, "{"+l.name+"}") {
			return fmt.Errorf("has {%s} of the topic, which is a field and no part of an index name: write a route for each index, and no more than {Y}, {m} and {d} here", l.name)
		}
	}
	return err
}

func (r Route) validatePayload(list *problem.List, levels []level) {
	switch {
	case r.Payload != "" && r.Payload != PayloadObject && r.Payload != PayloadValue:
		list.Add("payload", r.Payload, "is unknown: write %s or %s", PayloadObject, PayloadValue)
	case r.Payload == PayloadValue && slices.ContainsFunc(levels, func(l level) bool { return l.name == valueKey }):
		list.Add("topic", r.Topic, "has the field {%s}, which payload: %s makes as well: rename it", valueKey, PayloadValue)
	case r.Payload == PayloadValue && r.TimeField != "" && (r.Untimed == "" || r.Untimed == UntimedRefuse) && r.TimeField != valueKey &&
		!slices.ContainsFunc(levels, func(l level) bool { return l.name == r.TimeField }):
		list.Add("untimed", r.Untimed, "refuses every payload that is wrapped, because such a one has no time of its own: write %s, which stores the time of receipt, or %s", UntimedStamp, UntimedReceipt)
	}
}

func (r Route) validateUntimed(list *problem.List) {
	switch {
	case r.Untimed != "" && r.Untimed != UntimedRefuse && r.Untimed != UntimedReceipt && r.Untimed != UntimedStamp:
		list.Add("untimed", r.Untimed, "is unknown: write %s, %s or %s", UntimedRefuse, UntimedReceipt, UntimedStamp)
	case r.Untimed != "" && r.TimeField == "":
		list.Add("untimed", r.Untimed, "is about documents without their time, and time_field does not say where it is: write time_field, or remove this")
	case r.Untimed == UntimedStamp && strings.Contains(r.TimeField, "."):
		list.Add("time_field", r.TimeField, "is a path, and untimed: %s writes a field of the document itself: write a name without dots", UntimedStamp)
	}
}

// readBody reads what an index is created with.
func readBody(file string) (body []byte, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() {
		if e := f.Close(); err == nil {
			err = e
		}
	}()
	body, err = io.ReadAll(io.LimitReader(f, maxBodyFile+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBodyFile {
		return nil, fmt.Errorf("has more than %d bytes", maxBodyFile)
	}
	return body, checkBody(body)
}

func checkBody(body []byte) error {
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return fmt.Errorf("not a JSON object: %w", err)
	}
	if object == nil {
		return fmt.Errorf("not a JSON object but null")
	}
	return nil
}

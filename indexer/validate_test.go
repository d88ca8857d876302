package indexer

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/secret"
)

func TestTheDefaultIsValid(t *testing.T) {
	if err := DefaultConfig().Validate().Err(); err != nil {
		t.Error(err)
	}
}

func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestValidate(t *testing.T) {
	document := Route{Topic: "sensors/#", Kind: KindDocument, Index: "sensors-{Y}-{m}-{d}"}
	snapshots := Route{Topic: "hub/#", Kind: KindSnapshot, Index: "hub"}
	route := func(base Route, change func(*Route)) func(*Config) {
		return func(c *Config) {
			change(&base)
			c.Routes = []Route{base}
		}
	}
	cluster := func(change func(*ClusterConfig)) func(*Config) {
		return func(c *Config) { change(&c.OpenSearch) }
	}
	const key = "aWQ6aHVzaA==" // id:hush
	elastic := func(change func(*ElasticsearchConfig)) func(*Config) {
		return func(c *Config) { change(&c.Elasticsearch) }
	}
	tests := []struct {
		name   string
		change func(*Config)
		want   string // the beginning of the one problem; empty: none
	}{
		{"a document route with everything", route(document, func(r *Route) {
			r.Topic, r.ID, r.TimeField, r.BodyFile = "$share/g/sensors/#", "fields(a, b.c)", "meta.time", file(t, `{"settings":{}}`)
		}), ""},
		{"ids from fields in an index by date of receipt", route(document, func(r *Route) { r.ID = "fields(n)" }),
			"routes[0].time_field: is missing: an index by date with ids from fields needs the document's own time"},
		{"ids from fields in one index", route(document, func(r *Route) { r.ID, r.Index = "fields(n)", "sensors" }), ""},
		{"a snapshot route", route(snapshots, func(*Route) {}), ""},
		{"an index with a dot in front", route(snapshots, func(r *Route) { r.Index = ".hub" }), ""},
		{"no request at all", func(c *Config) { c.Concurrency = 0 }, "concurrency: 0: is out of range: write 1 to 64"},
		{"an empty batch", func(c *Config) { c.BatchSize = 0 }, "batch_size: 0: is out of range: write 1 to 10000"},
		{"a batch that no cluster takes", func(c *Config) { c.BatchBytes = 1 << 30 }, "batch_bytes: 1073741824: is out of range"},
		{"a journal without room", func(c *Config) { c.JournalMaxBytes = 1 }, "journal_max_bytes: 1: is too small"},
		{"a URL without a scheme", cluster(func(o *ClusterConfig) { o.URLs = []string{"https://a:9200", "localhost:9200"} }),
			`opensearch.urls[1]: "localhost:9200": is not the address of a cluster: write https://host:9200`},
		{"a URL without a host", cluster(func(o *ClusterConfig) { o.URLs = []string{"http://"} }), "opensearch.urls[0]"},
		{"a URL with a password", cluster(func(o *ClusterConfig) { o.URLs = []string{"https://u:hush@h:9200"} }),
			`opensearch.urls[0]: "https://user@h:9200": a URL is logged, so it carries no user: write indexer.opensearch.username and password`},
		{"a URL with a query", cluster(func(o *ClusterConfig) { o.URLs = []string{"https://h:9200/?a=hush"} }), `opensearch.urls[0]: "https://h:9200/": has a query`},
		{"an unknown compression", cluster(func(o *ClusterConfig) { o.Compress = "zstd" }), `opensearch.compress: "zstd": is unknown: write auto, always or never`},
		{"a password without a user", cluster(func(o *ClusterConfig) { o.Password = secret.New("hush") }),
			`opensearch.username: "": a password needs a user: write indexer.opensearch.username`},
		{"a user without a password", cluster(func(o *ClusterConfig) { o.Username = "u" }),
			`opensearch.password: the user "u" needs a password`},
		{"a password file that is not there", cluster(func(o *ClusterConfig) { o.Username, o.PasswordFile = "u", "/none" }),
			`opensearch.password_file: "/none": `},
		{"a timeout of nothing", cluster(func(o *ClusterConfig) { o.Timeout = 0 }), "opensearch.timeout: 0s: is out of range"},
		{"a timeout of hours", cluster(func(o *ClusterConfig) { o.Timeout = time.Hour }), "opensearch.timeout: 1h0m0s: is out of range"},
		{"a CA file that is not there", cluster(func(o *ClusterConfig) { o.TLS.CAFile = "/none" }), "opensearch.tls.ca_file"},
		{"a filter that is none", route(document, func(r *Route) { r.Topic = "a/#/b" }), `routes[0].topic: "a/#/b": the wildcard # must be the last level`},
		{"a kind that is none", route(document, func(r *Route) { r.Kind = "doc" }), `routes[0].kind: "doc": is unknown: write snapshot or document`},
		{"a route without an index", route(document, func(r *Route) { r.Index = "" }), `routes[0].index: "": is missing`},
		{"an index in upper case", route(document, func(r *Route) { r.Index = "Sensors" }), `routes[0].index: "Sensors": an index name is in lower case: write sensors`},
		{"an unknown placeholder", route(document, func(r *Route) { r.Index = "s-{H}" }), `routes[0].index: "s-{H}": has an unknown placeholder: write {Y}, {m} or {d}`},
		{"an open brace", route(document, func(r *Route) { r.Index = "s-{Y" }), `routes[0].index: "s-{Y": has an unknown placeholder`},
		{"an index that begins with a minus", route(document, func(r *Route) { r.Index = "-s" }), `routes[0].index: "-s": an index name does not begin`},
		{"an index with a slash", route(document, func(r *Route) { r.Index = "a/b" }), `routes[0].index: "a/b": an index name has none of`},
		{"an index with a colon", route(document, func(r *Route) { r.Index = "a:b" }), `routes[0].index: "a:b": an index name has none of`},
		{"an index that is two dots", route(document, func(r *Route) { r.Index = ".." }), `routes[0].index: "..": . and .. are no names`},
		{"an index that is too long", route(document, func(r *Route) { r.Index = strings.Repeat("x", 250) + "-{Y}-{m}" }), "routes[0].index"},
		{"an index with a line end", route(document, func(r *Route) { r.Index = "a\nb" }), "routes[0].index"},
		{"an id that is none", route(document, func(r *Route) { r.ID = "uuid" }), `routes[0].id: "uuid": is unknown: write position, content or fields(a, b.c)`},
		{"an id of no field", route(document, func(r *Route) { r.ID = "fields()" }), "routes[0].id"},
		{"an id of an empty part", route(document, func(r *Route) { r.ID = "fields(a..b)" }), "routes[0].id"},
		{"an id by content without a time", route(document, func(r *Route) { r.ID = "content" }), `routes[0].id: "content": ids by content need time_field`},
		{"a time field with an empty part", route(document, func(r *Route) { r.TimeField = "a." }), `routes[0].time_field: "a.": has an empty part`},
		{"an id for snapshots", route(snapshots, func(r *Route) { r.ID = "position" }), `routes[0].id: "position": snapshots have an id of their own: remove it`},
		{"a time field for snapshots", route(snapshots, func(r *Route) { r.TimeField = "t" }), `routes[0].time_field: "t": snapshots are dated by their slot`},
		{"shared snapshots", route(snapshots, func(r *Route) { r.Topic = "$share/g/hub/#" }), `routes[0].topic: "$share/g/hub/#": snapshots are not shared between subscribers, each keeps them all: write hub/#`},
		{"a body that is not there", route(document, func(r *Route) { r.BodyFile = "/none" }), `routes[0].body_file: "/none": `},
		{"a body that is an array", route(document, func(r *Route) { r.BodyFile = file(t, "[]") }), "routes[0].body_file"},
		{"a body that is null", route(document, func(r *Route) { r.BodyFile = file(t, "null") }), "routes[0].body_file"},
		{"a body that is too large", route(document, func(r *Route) { r.BodyFile = file(t, `{"a":"`+strings.Repeat("x", maxBodyFile)+`"}`) }), "routes[0].body_file"},
		{"a body as text", route(document, func(r *Route) { r.Body = `{"settings":{}}` }), ""},
		{"a body that is no JSON", route(document, func(r *Route) { r.Body = "settings:" }), "routes[0].body: not a JSON object: "},
		{"a body beside a file", route(document, func(r *Route) { r.Body, r.BodyFile = "{}", file(t, "{}") }), "routes[0].body_file"},
		{"a document that may lack its time", route(document, func(r *Route) { r.TimeField, r.Untimed = "t", UntimedReceipt }), ""},
		{"documents without a time of which none may lack it", route(document, func(r *Route) { r.Untimed = UntimedReceipt }), `routes[0].untimed: "receipt": is about documents without their time`},
		{"untimed documents that are neither", route(document, func(r *Route) { r.TimeField, r.Untimed = "t", "drop" }), `routes[0].untimed: "drop": is unknown: write refuse, receipt or stamp`},
		{"snapshots without their time", route(snapshots, func(r *Route) { r.Untimed = UntimedReceipt }), `routes[0].untimed: "receipt": snapshots are dated by their slot`},
		{"documents that are kept for a time", route(document, func(r *Route) { r.Keep = "18mo" }), ""},
		{"snapshots that are kept for a time", route(snapshots, func(r *Route) { r.Keep, r.Index = "720h", "hub-{Y}" }), ""},
		{"documents that are kept for ever", route(document, func(r *Route) { r.Keep, r.Index = "0", "s" }), ""},
		{"an age without a unit", route(document, func(r *Route) { r.Keep = "90" }), `routes[0].keep: "90": has no unit: write 90d for days, or 90w, 90mo, 90y`},
		{"an age that is none", route(document, func(r *Route) { r.Keep = "long" }), `routes[0].keep: "long": is no age: write a number of days`},
		{"a negative age", route(document, func(r *Route) { r.Keep = "-90d" }), `routes[0].keep: "-90d": is no age`},
		{"an age of hours", route(document, func(r *Route) { r.Keep = "5m" }), `routes[0].keep: "5m": is too short: write 1d or more`},
		{"an age of no days", route(document, func(r *Route) { r.Keep = "0d" }), `routes[0].keep: "0d": is too short`},
		{"an age beyond all", route(document, func(r *Route) { r.Keep = "1001y" }), `routes[0].keep: "1001y": is too long`},
		{"a number beyond all", route(document, func(r *Route) { r.Keep = "99999999999999999999d" }), `routes[0].keep: "99999999999999999999d": is no age`},
		{"an age for one index", route(document, func(r *Route) { r.Keep, r.Index = "90d", "s" }), `routes[0].keep: "90d": needs an index whose name says how old its documents are: write {Y}`},
		{"an age for an index of each month of any year", route(document, func(r *Route) { r.Keep, r.Index = "90d", "s-{m}" }), `routes[0].keep: "90d": needs an index whose name says`},
		{"two ages of one index", func(c *Config) {
			c.Routes = []Route{{Topic: "a", Kind: KindDocument, Index: "s-{Y}", Keep: "1y"}, {Topic: "b", Kind: KindDocument, Index: "s-{Y}", Keep: "12mo"}, {Topic: "c", Kind: KindDocument, Index: "s-{Y}"}}
		}, `routes[2].keep: "": is not that of routes[0] (1y), which has the same index`},
		{"a topic with fields", route(document, func(r *Route) { r.Topic, r.ID = "$share/g/sensors/{room}/{kind}/#", "fields(room, n)"; r.Index = "s" }), ""},
		{"a field beside text", route(document, func(r *Route) { r.Topic = "sensors/room-{n}" }), `routes[0].topic: "sensors/room-{n}": the level "room-{n}" mixes a field with text`},
		{"a brace that is left open", route(document, func(r *Route) { r.Topic = "sensors/{room" }), `routes[0].topic: "sensors/{room": the level "{room" mixes a field with text`},
		{"a field without a name", route(document, func(r *Route) { r.Topic = "sensors/{}" }), `routes[0].topic: "sensors/{}": has a field without a name: write {room}, or +`},
		{"a field with a dot", route(document, func(r *Route) { r.Topic = "sensors/{a.b}" }), `routes[0].topic: "sensors/{a.b}": the field {a.b}: a name has letters, digits, @, - and _`},
		{"a field that the cluster has for itself", route(document, func(r *Route) { r.Topic = "sensors/{_id}" }), `routes[0].topic: "sensors/{_id}": the field {_id}: `},
		{"a field with a long name", route(document, func(r *Route) { r.Topic = "{" + strings.Repeat("x", 65) + "}" }), `routes[0].topic: "{` + strings.Repeat("x", 65) + `}": the name of a field has at most 64 bytes`},
		{"two fields of one name", route(document, func(r *Route) { r.Topic = "{a}/{a}" }), `routes[0].topic: "{a}/{a}": has the field {a} twice`},
		{"fields of snapshots", route(snapshots, func(r *Route) { r.Topic = "hub/{namespace}/{name}" }), `routes[0].topic: "hub/{namespace}/{name}": snapshots have their fields already: write hub/+/+`},
		{"an index for each topic", route(document, func(r *Route) { r.Topic, r.Index = "sensors/{kind}", "sensors-{kind}-{Y}" }),
			`routes[0].index: "sensors-{kind}-{Y}": has {kind} of the topic, which is a field and no part of an index name`},
		{"fields behind a wildcard", func(c *Config) {
			c.Routes = []Route{{Topic: "sensors/+", Kind: KindDocument, Index: "a"}, {Topic: "sensors/{room}", Kind: KindDocument, Index: "b"}}
		}, `routes[1].topic: "sensors/{room}": is never reached, because routes[0] (sensors/+) takes all of it first`},
		{"values", route(document, func(r *Route) { r.Payload = PayloadValue }), ""},
		{"values that are stamped", route(document, func(r *Route) { r.Payload, r.TimeField, r.Untimed = PayloadValue, "@timestamp", UntimedStamp }), ""},
		{"values that have their time in the topic", route(document, func(r *Route) { r.Payload, r.TimeField, r.Topic = PayloadValue, "time", "s/{time}" }), ""},
		{"values without a time", route(document, func(r *Route) { r.Payload, r.TimeField = PayloadValue, "time" }),
			`routes[0].untimed: "": refuses every payload that is wrapped, because such a one has no time of its own: write stamp, which stores the time of receipt, or receipt`},
		{"payloads that are neither", route(document, func(r *Route) { r.Payload = "text" }), `routes[0].payload: "text": is unknown: write object or value`},
		{"payloads of snapshots", route(snapshots, func(r *Route) { r.Payload = PayloadObject }), `routes[0].payload: "object": snapshots are JSON objects of one kind: remove it`},
		{"two values", route(document, func(r *Route) { r.Payload, r.Topic = PayloadValue, "s/{value}" }), `routes[0].topic: "s/{value}": has the field {value}, which payload: value makes as well`},
		{"a stamp at a path", route(document, func(r *Route) { r.TimeField, r.Untimed = "meta.time", UntimedStamp }), `routes[0].time_field: "meta.time": is a path, and untimed: stamp writes a field of the document itself`},
		{"an Elasticsearch by key and fingerprint", elastic(func(e *ElasticsearchConfig) {
			e.APIKey, e.Fingerprint = secret.New(key), strings.Repeat("aB:", 31)+"cd"
		}), ""},
		{"an Elasticsearch with a key in a file", elastic(func(e *ElasticsearchConfig) { e.APIKeyFile = file(t, key+"\n") }), ""},
		{"a key beside a user", elastic(func(e *ElasticsearchConfig) {
			e.APIKey, e.Username, e.Password = secret.New(key), "u", secret.New("hush")
		}),
			`elasticsearch.username: "u": stands beside an API key: keep one of the two`},
		{"a key that is not whole", elastic(func(e *ElasticsearchConfig) { e.APIKey = secret.New(key[:7]) }), `elasticsearch.api_key: is not an API key: write what Elasticsearch calls "encoded"`},
		{"a key without its id", elastic(func(e *ElasticsearchConfig) { e.APIKey = secret.New("aHVzaA==") }), `elasticsearch.api_key: is not an API key`},
		{"a file of a key that is not there", elastic(func(e *ElasticsearchConfig) { e.APIKeyFile = "/none" }), `elasticsearch.api_key_file: "/none": `},
		{"half a fingerprint", elastic(func(e *ElasticsearchConfig) { e.Fingerprint = "abcd" }), `elasticsearch.fingerprint: "abcd": is not a SHA-256 in hexadecimal`},
		{"a fingerprint beside no verification", elastic(func(e *ElasticsearchConfig) {
			e.Fingerprint, e.TLS.InsecureSkipVerify = strings.Repeat("ab", 32), true
		}), `elasticsearch.fingerprint: "` + strings.Repeat("ab", 32) + `": stands beside another way to trust`},
		{"a mistake that both kinds of clusters can have", elastic(func(e *ElasticsearchConfig) { e.URLs = []string{"https://u:hush@h"} }),
			`elasticsearch.urls[0]: "https://user@h": a URL is logged, so it carries no user: write indexer.elasticsearch.username and password`},
		{"documents for Elasticsearch alone", func(c *Config) {
			c.Routes, c.OpenSearch.URLs, c.Elasticsearch.URLs = []Route{document}, nil, []string{"https://h:9200"}
		}, ""},
		{"documents without a sink", func(c *Config) { c.Routes, c.OpenSearch.URLs = []Route{document}, nil },
			`routes[0].kind: "document": documents have nowhere to go: name a cluster in indexer.opensearch.urls or indexer.elasticsearch.urls, or remove the route`},
		{"a route behind a wider one", func(c *Config) {
			c.Routes = []Route{{Topic: "#", Kind: KindDocument, Index: "all"}, snapshots}
		}, `routes[1].topic: "hub/#": is never reached, because routes[0] (#) takes all of it first`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := DefaultConfig()
			c.OpenSearch.URLs = []string{"https://h:9200"}
			tt.change(&c)
			list := c.Validate()
			switch {
			case tt.want == "" && len(list) > 0:
				t.Errorf("problems: %v", list)
			case tt.want != "" && (len(list) != 1 || !strings.HasPrefix(list[0].Error(), tt.want)):
				t.Errorf("problems: %v, want %s", list, tt.want)
			}
			if text := list.Error(); strings.Contains(text, "hush") || strings.Contains(text, key[:7]) {
				t.Errorf("a secret is shown: %v", list)
			}
		})
	}
}

const own = "com/docker/hub/repositories/metrics/#"

func TestEffectiveRoutes(t *testing.T) {
	implicit := own + " " + DefaultSnapshotIndex
	snap := func(filter string) Route { return Route{Topic: filter, Kind: KindSnapshot, Index: "s"} }
	docs := func(filter string) Route { return Route{Topic: filter, Kind: KindDocument, Index: "d"} }
	const part = "com/docker/hub/repositories/metrics/oitc/+"
	tests := []struct {
		name   string
		routes []Route
		want   []string
	}{
		{"without routes there is the own one", nil, []string{implicit}},
		{"document routes come behind it", []Route{docs("a/#"), docs("#")}, []string{implicit, "a/# d", "# d"}},
		{"a snapshot route that takes all of the own topic replaces it", []Route{docs("a/#"), snap("com/#")}, []string{"a/# d", "com/# s"}},
		{"a snapshot route for a part comes before it", []Route{snap(part), docs("#")}, []string{part + " s", implicit, "# d"}},
		{"even behind a document route that has nothing to do with it", []Route{docs("a/#"), snap(part)}, []string{"a/# d", part + " s", implicit}},
		{"a document route never does", []Route{docs("com/+/hub/#"), snap(part)}, []string{implicit, "com/+/hub/# d", part + " s"}},
		{"other snapshots come behind it", []Route{snap("other/#")}, []string{implicit, "other/# s"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, r := range (Config{Routes: tt.routes}).EffectiveRoutes(own) {
				got = append(got, r.Topic+" "+r.Index)
			}
			if strings.Join(got, "\n") != strings.Join(tt.want, "\n") {
				t.Errorf("got\n%s", strings.Join(got, "\n"))
			}
		})
	}
}

func TestValidateOwn(t *testing.T) {
	snap := func(filter string) Route { return Route{Topic: filter, Kind: KindSnapshot, Index: "s"} }
	docs := func(filter string) Route { return Route{Topic: filter, Kind: KindDocument, Index: "d"} }
	tests := []struct {
		name   string
		routes []Route
		want   string
	}{
		{"no routes", nil, ""},
		{"documents beside", []Route{docs("a/#")}, ""},
		{"documents around, behind the implicit route", []Route{docs("#")}, ""},
		{"documents behind a snapshot route", []Route{snap("com/#"), docs("#")}, ""},
		{"documents before a snapshot route", []Route{docs("com/+/hub/#"), snap("com/#")},
			`routes[0].topic: "com/+/hub/#": takes Pulltrail's own snapshots (` + own + `) before routes[1], so that they never reach history: write the snapshot route first`},
		{"an age for the index of the implicit route", []Route{{Topic: "a", Kind: KindDocument, Index: DefaultSnapshotIndex, Keep: "1y"}},
			`routes[0].keep: "1y": is about an index that Pulltrail's own snapshots (` + own + `) have too`},
		{"an age for our own snapshots", []Route{{Topic: "com/#", Kind: KindSnapshot, Index: DefaultSnapshotIndex, Keep: "1y"}}, ""},
		{"documents on the own topic", []Route{docs("com/docker/hub/repositories/metrics/a/b")},
			`routes[0].topic: "com/docker/hub/repositories/metrics/a/b": is never reached, because`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			list := Config{Routes: tt.routes}.ValidateOwn(own)
			if tt.want == "" && len(list) > 0 || tt.want != "" && (len(list) != 1 || !strings.HasPrefix(list[0].Error(), tt.want)) {
				t.Errorf("problems: %v", list)
			}
		})
	}
}

func TestRequestsAreCompressedWhereANetworkIsInBetween(t *testing.T) {
	for _, c := range []struct {
		compress string
		urls     []string
		want     bool
	}{
		{CompressAuto, []string{"http://127.0.0.1:9200", "http://localhost:9200", "http://[::1]:9200"}, false},
		{CompressAuto, []string{"http://127.0.0.1:9200", "https://opensearch:9200"}, true},
		{CompressNever, []string{"https://opensearch:9200"}, false},
		{CompressAlways, []string{"http://127.0.0.1:9200"}, true},
	} {
		if got := (ClusterConfig{Compress: c.compress, URLs: c.urls}).compresses(); got != c.want {
			t.Errorf("%s with %v: %v", c.compress, c.urls, got)
		}
	}
}

package search

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
)

// keepAlive is how long the cluster keeps its place between two pages.
const keepAlive = "5m"

const scrollPath = "/_search/scroll"

// Query says which documents are read, and in which order: along the time of TimeField,
// those without one first.
type Query struct {
	// Index is the name of an index, or a pattern such as "metrics-*".
	Index string
	// TimeField is a field of the type date, or none at all in some of the indices.
	TimeField string
	// From leaves out what is older, in milliseconds since 1970, and what has no time. At
	// zero nothing is left out.
	From int64
	// Size is the most documents of a page.
	Size int
}

// Hit is a document.
type Hit struct {
	Index, ID string
	// Source is the document as it was sent; nil where the index keeps none.
	Source json.RawMessage
	// Time is that of Query.TimeField in milliseconds since 1970; zero for none.
	Time int64
}

// Reading goes through documents page by page. It sees the indices as they are when it
// begins: through a point in time, or through a scroll where the cluster knows no
// point in time that can be sorted, as before Elasticsearch 7.12 and OpenSearch 3.3.
//
// A page that fails is the end of a Reading; whoever wants to go on begins another, with
// the time of the last hit as Query.From. It needs the permission read on the indices
// (and, for a scroll in OpenSearch, indices:data/read/scroll).
type Reading struct {
	client *Client
	query  Query
	total  int64

	pit, scroll string
	after       json.RawMessage // the place of the last hit, as the cluster says it
	ended       bool
}

// Read begins to read: it finds out how many documents there are. Close it.
func (c *Client) Read(ctx context.Context, query Query) (*Reading, error) {
	r := &Reading{client: c, query: query}
	err := r.openPIT(ctx)
	if err == nil {
		r.total, err = r.count(ctx)
	}
	if err == nil {
		return r, nil
	}
	_ = r.Close(ctx) // a point in time that is left behind ends by itself
	if !otherWay(err) {
		return nil, err
	}
	scroll := &Reading{client: c, query: query}
	total, other := scroll.count(ctx)
	switch {
	case isForbidden(other) && isForbidden(err):
		return nil, err // it names what the better way needs
	case other != nil:
		return nil, other
	}
	scroll.total = total
	return scroll, nil
}

func isForbidden(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Class == Forbidden
}

// otherWay says whether the cluster does not know what a reading is best done with, or
// does not allow that.
func otherWay(err error) bool {
	var e *Error
	return errors.As(err, &e) && (e.Class == Refused || e.Class == Forbidden ||
		e.Class == Unexpected && (e.Status == http.StatusBadRequest || e.Status == http.StatusNotFound || e.Status == http.StatusMethodNotAllowed))
}

// Total is how many documents there are.
func (r *Reading) Total() int64 { return r.total }

func (r *Reading) openPIT(ctx context.Context) error {
	path := "/" + url.PathEscape(r.query.Index) + "/_search/point_in_time"
	if r.client.elasticsearch { // the two differ in how a point in time is asked for
		path = "/" + url.PathEscape(r.query.Index) + "/_pit"
	}
	body, err := r.client.do(ctx, http.MethodPost, path+"?keep_alive="+keepAlive+"&allow_no_indices=false", "", nil)
	if err != nil {
		return err
	}
	var answer struct {
		ID    string `json:"id"`
		PITID string `json:"pit_id"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return notJSON(body, err)
	}
	if r.pit = answer.ID + answer.PITID; r.pit == "" {
		return notJSON(body, errors.New("it has no point in time"))
	}
	return nil
}

// count asks in the way in which the pages are asked for, so that it fails where they
// would.
func (r *Reading) count(ctx context.Context) (int64, error) {
	answer, err := r.search(ctx, 0, true)
	if err != nil {
		return 0, err
	}
	return answer.Hits.Total.Value, nil
}

// Page is the next documents; none at the end.
func (r *Reading) Page(ctx context.Context) ([]Hit, error) {
	if r.ended {
		return nil, nil
	}
	answer, err := r.next(ctx)
	if err != nil {
		return nil, err
	}
	hits := make([]Hit, len(answer.Hits.Hits))
	for i, h := range answer.Hits.Hits {
		hits[i] = Hit{Index: h.Index, ID: h.ID, Source: h.Source}
		if len(h.Sort) > 0 {
			if hits[i].Time, err = strconv.ParseInt(string(h.Sort[0]), 10, 64); err != nil {
				return nil, newError(http.StatusOK, "", fmt.Sprintf("the field %s of %s is ordered by %.40s, which is no time", r.query.TimeField, h.Index, h.Sort[0]))
			}
		}
		if r.after, err = json.Marshal(h.Sort); err != nil {
			return nil, notJSON(nil, err)
		}
	}
	r.ended = len(hits) < r.query.Size // no answer lacks a part
	return hits, nil
}

func (r *Reading) next(ctx context.Context) (found, error) {
	if r.scroll == "" {
		return r.search(ctx, r.query.Size, false)
	}
	return r.ask(ctx, scrollPath, map[string]any{"scroll": keepAlive, "scroll_id": r.scroll})
}

// search asks for documents; without a point in time it begins a scroll.
func (r *Reading) search(ctx context.Context, size int, total bool) (found, error) {
	order := []any{map[string]any{r.query.TimeField: map[string]any{"order": "asc", "missing": 0, "unmapped_type": "date"}}}
	body := map[string]any{"size": size}
	if total || r.pit != "" {
		body["track_total_hits"] = total // which a scroll does not let itself be spared
	}
	if r.query.From > 0 {
		body["query"] = map[string]any{"range": map[string]any{r.query.TimeField: map[string]any{"gte": r.query.From, "format": "epoch_millis"}}}
	}
	path := "/_search?allow_partial_search_results=false"
	switch {
	case r.pit != "":
		order = append(order, map[string]any{"_shard_doc": "asc"})
		body["pit"] = map[string]any{"id": r.pit, "keep_alive": keepAlive}
	default:
		path = "/" + url.PathEscape(r.query.Index) + path + "&allow_no_indices=false"
		if size > 0 {
			path += "&scroll=" + keepAlive
		}
	}
	body["sort"] = order
	if r.after != nil {
		body["search_after"] = r.after
	}
	return r.ask(ctx, path, body)
}

// found is what the cluster answers with.
type found struct {
	Scroll   string `json:"_scroll_id"`
	PIT      string `json:"pit_id"`
	TimedOut bool   `json:"timed_out"`
	Shards   struct {
		Total    int `json:"total"`
		Failed   int `json:"failed"`
		Failures []struct {
			Reason cause `json:"reason"`
		} `json:"failures"`
	} `json:"_shards"`
	Hits *struct {
		Total struct {
			Value int64 `json:"value"`
		} `json:"total"`
		Hits []struct {
			Index  string            `json:"_index"`
			ID     string            `json:"_id"`
			Source json.RawMessage   `json:"_source"`
			Sort   []json.RawMessage `json:"sort"`
		} `json:"hits"`
	} `json:"hits"`
}

// ask sends a search. An answer that lacks a part of the documents is an error.
func (r *Reading) ask(ctx context.Context, path string, what any) (answer found, err error) {
	text, err := json.Marshal(what)
	if err != nil {
		return answer, &Error{Class: Unexpected, Err: err}
	}
	body, err := r.client.send(ctx, request{
		method: http.MethodPost, path: path, contentType: "application/json", body: payload{parts: [][]byte{text}},
		once: path == scrollPath, // a page whose answer is lost would be left out
	})
	if err != nil {
		return answer, err
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return answer, notJSON(body, err)
	}
	switch {
	case answer.Hits == nil:
		return answer, notJSON(body, errors.New("it has no hits"))
	case answer.TimedOut:
		return answer, newError(http.StatusServiceUnavailable, "", "the search ended before it had found all")
	case answer.Shards.Failed > 0:
		reason := fmt.Sprintf("%d of %d shards have not answered", answer.Shards.Failed, answer.Shards.Total)
		if len(answer.Shards.Failures) > 0 {
			reason += ": " + answer.Shards.Failures[0].Reason.words()
		}
		return answer, newError(http.StatusServiceUnavailable, "", reason)
	}
	if answer.PIT != "" {
		r.pit = answer.PIT
	}
	if answer.Scroll != "" {
		r.scroll = answer.Scroll
	}
	return answer, nil
}

// Close lets the cluster forget its place, which it does by itself after five minutes. One
// that is gone already is no error.
func (r *Reading) Close(ctx context.Context) error {
	var path string
	var what any
	switch {
	case r.scroll != "":
		path, what = scrollPath, map[string]any{"scroll_id": r.scroll}
	case r.pit != "" && r.client.elasticsearch:
		path, what = "/_pit", map[string]any{"id": r.pit}
	case r.pit != "":
		path, what = "/_search/point_in_time", map[string]any{"pit_id": []string{r.pit}}
	default:
		return nil
	}
	r.pit, r.scroll, r.ended = "", "", true
	text, err := json.Marshal(what)
	if err != nil {
		return &Error{Class: Unexpected, Err: err}
	}
	_, err = r.client.do(ctx, http.MethodDelete, path, "application/json", text)
	var e *Error
	if errors.As(err, &e) && e.Status == http.StatusNotFound {
		return nil
	}
	return err
}

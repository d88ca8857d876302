package transfer

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cenkalti/backoff/v5"
	gocmp "github.com/google/go-cmp/cmp"

	"pulltrail/internal/hub"
	"pulltrail/internal/search"
)

// doc is a document of a fake cluster.
type doc struct {
	Index, ID, Source string
	time              int64
}

// fakeCluster answers as far as it is asked here: points in time of either kind, and
// scrolls. It is for one request at a time.
type fakeCluster struct {
	t             *testing.T
	docs          []doc
	elasticsearch bool
	noPIT         bool // it is too old for that
	// fail, where set, may answer a search in place of the cluster.
	fail func(w http.ResponseWriter, n int) bool

	mu       sync.Mutex
	searches int
	open     map[string]string // what is open, and the pattern of its indices
	scrolled map[string]int
	size     int // of the pages of a scroll
	log      []string
}

func (f *fakeCluster) add(index, source string) {
	d := doc{Index: index, ID: fmt.Sprintf("id%05d", len(f.docs)), Source: source}
	var object struct{ Timestamp string }
	if json.Unmarshal([]byte(source), &object) == nil {
		if at, err := time.Parse(time.RFC3339, object.Timestamp); err == nil {
			d.time = at.UnixMilli()
		}
	}
	f.docs = append(f.docs, d)
}

func (f *fakeCluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f.elasticsearch {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
	}
	var request struct {
		Size        int
		PIT         struct{ ID string }
		SearchAfter []int64 `json:"search_after"`
		ScrollID    string  `json:"scroll_id"`
		Query       struct {
			Range struct{ Timestamp struct{ GTE int64 } }
		}
		Sort []map[string]any
	}
	if body, err := io.ReadAll(r.Body); err == nil && len(body) > 0 && r.Method == http.MethodPost {
		if err := json.Unmarshal(body, &request); err != nil {
			f.t.Error(err)
		}
	}
	pit, key := "_search/point_in_time", "pit_id"
	if f.elasticsearch {
		pit, key = "_pit", "id"
	}
	index, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	if strings.HasPrefix(index, "_") {
		index, rest = "", strings.TrimPrefix(r.URL.Path, "/")
	}
	f.mu.Lock() // a request that was cut off may still be answered beside the next
	defer f.mu.Unlock()
	f.log = append(f.log, r.Method+" "+rest)
	switch {
	case r.Method == http.MethodDelete:
		clear(f.open)
		fmt.Fprint(w, "{}")
	case rest == pit && !f.noPIT:
		id := fmt.Sprint("pit", len(f.log))
		f.open[id] = index
		fmt.Fprintf(w, `{%q:%q}`, key, id)
	case strings.HasSuffix(rest, "_pit") || strings.HasSuffix(rest, "point_in_time"):
		w.WriteHeader(http.StatusMethodNotAllowed)
		fmt.Fprint(w, `{"error":"Incorrect HTTP method for uri"}`)
	default:
		f.searches++
		if f.fail != nil && f.fail(w, f.searches) {
			return
		}
		if request.PIT.ID != "" {
			index = f.open[request.PIT.ID]
		}
		from, id := 0, request.ScrollID
		if id != "" {
			index, from, request.Size = f.open[id], f.scrolled[id], f.size
		} else if r.FormValue("scroll") != "" {
			id = fmt.Sprint("scroll", len(f.log))
			f.open[id], f.size = index, request.Size
		}
		if index == "" {
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error":{"type":"search_context_missing_exception","reason":"No search context found"}}`)
			return
		}
		f.answer(w, index, request.Query.Range.Timestamp.GTE, request.SearchAfter, from, request.Size, id)
		f.scrolled[id] = from + request.Size
	}
}

func (f *fakeCluster) answer(w http.ResponseWriter, index string, from int64, after []int64, skip, size int, scroll string) {
	var hits []map[string]any
	for i, d := range f.docs {
		if ok, err := path.Match(index, d.Index); err != nil || !ok || d.time < from {
			continue
		}
		if len(after) == 2 && slices.Compare([]int64{d.time, int64(i)}, after) <= 0 {
			continue
		}
		hits = append(hits, map[string]any{"_index": d.Index, "_id": d.ID, "_source": json.RawMessage(d.Source), "sort": []int64{d.time, int64(i)}})
	}
	slices.SortStableFunc(hits, func(a, b map[string]any) int {
		return cmp.Compare(a["sort"].([]int64)[0], b["sort"].([]int64)[0])
	})
	total := len(hits)
	hits = hits[min(skip, len(hits)):]
	answer := map[string]any{"_shards": map[string]any{"failed": 0}, "hits": map[string]any{
		"total": map[string]any{"value": total}, "hits": hits[:min(size, len(hits))],
	}}
	if scroll != "" {
		answer["_scroll_id"] = scroll
	}
	_ = json.NewEncoder(w).Encode(answer)
}

func newFakeCluster(t *testing.T) *fakeCluster {
	return &fakeCluster{t: t, open: map[string]string{}, scrolled: map[string]int{}}
}

func connected(t *testing.T, elasticsearch bool, url string) *search.Client {
	t.Helper()
	connect := search.NewOpenSearch
	if elasticsearch {
		connect = search.NewElasticsearch
	}
	client, err := connect(search.Options{URLs: []string{url}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// source serves the cluster and makes a Source of it. Tries follow without a pause.
func (f *fakeCluster) source(t *testing.T) *Cluster {
	t.Helper()
	server := httptest.NewServer(f)
	client := connected(t, f.elasticsearch, server.URL)
	c := NewCluster(ClusterOptions{
		Client: client, URL: "http://cluster", Index: "metrics-*",
		Pauses: &few{most: 5}, Now: now, Log: slog.New(slog.DiscardHandler),
	})
	t.Cleanup(func() {
		if err := errors.Join(c.Close(), client.Close()); err != nil {
			t.Error(err)
		}
		if len(f.open) > 0 {
			t.Errorf("left open: %v", f.open)
		}
		server.Close()
	})
	return c
}

// few are tries without pauses, of which there are only so many.
type few struct{ left, most int }

func (f *few) Reset() { f.left = f.most }
func (f *few) NextBackOff() time.Duration {
	if f.left--; f.left < 0 {
		return backoff.Stop
	}
	return 0
}

// chain fills the cluster as the tutorial's chain does: one document for each of n hours,
// two repositories, every third message twice, and now and then the body of an error. It
// returns the ids in the order of their times.
func (f *fakeCluster) chain(n int) (ids []string) {
	start := time.Date(2026, 1, 31, 20, 0, 0, 0, time.UTC)
	for i := range n {
		at := start.Add(time.Duration(i) * time.Hour)
		text := at.In(time.FixedZone("CET", 3600)).Format("2006-01-02T15:04:05-07:00")
		index := at.Format("metrics-2006-1")
		for _, name := range []string{"app", "other"} {
			source := fmt.Sprintf(`{"user":"me","name":%q,"namespace":"me","pull_count":%d,"full_description":"long","timestamp":%q}`, name, 1<<40+int64(i), text)
			f.add(index, source)
			if i%3 == 0 {
				f.add(index, source)
			}
			ids = append(ids, hub.ID(hub.Repository{Namespace: "me", Name: name}, at))
		}
		if i%5 == 0 {
			f.add(index, fmt.Sprintf(`{"message":"object not found","errinfo":{},"timestamp":%q}`, text))
		}
	}
	f.add("metrics-junk", `{"x":1}`)
	f.add("others-2026-1", `{"name":"no","namespace":"me","pull_count":1,"timestamp":"2026-01-31T00:00:00Z"}`)
	return ids
}

var kinds = map[string]func(*fakeCluster){
	"OpenSearch":                      func(*fakeCluster) {},
	"Elasticsearch":                   func(f *fakeCluster) { f.elasticsearch = true },
	"one that is too old":             func(f *fakeCluster) { f.noPIT = true },
	"an Elasticsearch of before 7.10": func(f *fakeCluster) { f.noPIT, f.elasticsearch = true, true },
}

func TestTheIndicesOfTheChainAreImported(t *testing.T) {
	for name, prepare := range kinds {
		t.Run(name, func(t *testing.T) {
			f := newFakeCluster(t)
			prepare(f)
			ids := f.chain(600)
			s := newShelf()
			var last Progress
			got, err := Import(t.Context(), f.source(t), s, Options{Progress: func(p Progress) { last = p }})
			if err != nil {
				t.Fatal(err)
			}
			if got.New != 1200 || got.There != 0 || got.Doubles != 400 || got.Skipped != 121 || got.Refused != 0 || got.Read != 1721 {
				got.Problems = nil
				t.Errorf("%+v", got)
			}
			if last != (Progress{Done: 1721, Total: 1721}) {
				t.Errorf("progress %+v", last)
			}
			if diff := gocmp.Diff(ids, s.order); diff != "" {
				t.Error(diff)
			}
			const want = `{"user":"me","name":"app","namespace":"me","pull_count":1099511627776,"timestamp":"2026-01-31T21:00:00+01:00","slot":"2026-01-31T20:00:00Z"}`
			if first := s.stored[ids[0]]; first != want {
				t.Errorf("stored %s", first)
			}
			junk := got.Problems[0]
			if !junk.Skipped || !strings.HasPrefix(junk.Where, "metrics-junk/id") || junk.Reason != "namespace: missing; name: missing; pull_count: missing; timestamp: missing" {
				t.Errorf("%+v", junk)
			}
		})
	}
}

// Whatever fails in whichever request, and whether the answer was lost or never made: in
// the end each document was read once.
func TestAClusterThatFailsIsAskedAgain(t *testing.T) {
	failures := map[string]func(f *fakeCluster, w http.ResponseWriter){
		"overloaded": func(_ *fakeCluster, w http.ResponseWriter) {
			w.WriteHeader(http.StatusTooManyRequests)
			fmt.Fprint(w, `{"error":{"type":"circuit_breaking_exception","reason":"too much"}}`)
		},
		"away":    func(_ *fakeCluster, w http.ResponseWriter) { w.WriteHeader(http.StatusBadGateway) },
		"cut off": func(*fakeCluster, http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"a shard is not": func(_ *fakeCluster, w http.ResponseWriter) {
			fmt.Fprint(w, `{"_shards":{"total":2,"failed":1},"hits":{}}`)
		},
		"too slow": func(_ *fakeCluster, w http.ResponseWriter) { fmt.Fprint(w, `{"timed_out":true,"hits":{}}`) },
		"it was restarted": func(f *fakeCluster, w http.ResponseWriter) {
			clear(f.open)
			w.WriteHeader(http.StatusNotFound)
			fmt.Fprint(w, `{"error":{"type":"search_phase_execution_exception","reason":"all shards failed"}}`)
		},
	}
	for name, prepare := range kinds {
		for what, fail := range failures {
			t.Run(name+" "+what, func(t *testing.T) {
				f := newFakeCluster(t)
				prepare(f)
				ids := f.chain(600)
				f.fail = func(w http.ResponseWriter, n int) bool {
					if n%3 != 0 {
						return false
					}
					fail(f, w)
					return true
				}
				s := newShelf()
				got, err := Import(t.Context(), f.source(t), s, Options{})
				if err != nil || got.New != 1200 || got.There != 0 || got.Doubles != 400 || got.Skipped != 121 || !slices.Equal(s.order, ids) {
					got.Problems = nil
					t.Errorf("%+v, %v", got, err)
				}
			})
		}
	}
}

func TestAnImportOfIndicesThatWasBrokenOffGoesOn(t *testing.T) {
	f := newFakeCluster(t)
	ids := f.chain(600)
	s := newShelf()
	down := errors.New("the disk is full")
	s.fail = func(n int) error {
		if n == 2 {
			return down
		}
		return nil
	}
	first, err := Import(t.Context(), f.source(t), s, Options{})
	if !errors.Is(err, down) || first.New != 500 || !first.Resumable {
		t.Fatalf("%+v, %v", first, err)
	}
	second, err := Import(t.Context(), f.source(t), s, Options{})
	// The two of the last moment are read again.
	if err != nil || second.New != 700 || second.There != 2 || second.ResumedAt == "" || !slices.Equal(s.order, ids) || len(s.places) != 0 {
		second.Problems = nil
		t.Errorf("%+v, %v", second, err)
	}
}

func TestWhatARetryCannotMendEndsTheImportAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		kind, want string
	}{
		"a missing permission": {403, "security_exception", "give the user the permission read on metrics-*: security_exception: no permissions for [indices:data/read/search]"},
		"a wrong password":     {401, "", "check the user and the password"},
		"no such index":        {404, "index_not_found_exception", "has no index metrics-*: name it with --index"},
		"a time that is none":  {400, "illegal_argument_exception", "cannot be read along the field timestamp"},
		"another server":       {200, "", "not that of a cluster"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFakeCluster(t)
			f.chain(1)
			f.fail = func(w http.ResponseWriter, _ int) bool {
				w.WriteHeader(c.status)
				fmt.Fprintf(w, `{"error":{"type":%q,"reason":"no permissions for [indices:data/read/search]"}}`, c.kind)
				return true
			}
			if _, err := f.source(t).Next(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "http://cluster") {
				t.Errorf("error %v", err)
			}
			if f.searches > 2 { // the second is without a point in time
				t.Errorf("asked %d times", f.searches)
			}
		})
	}
}

func TestAClusterThatStaysAwayEndsTheImport(t *testing.T) {
	f := newFakeCluster(t)
	f.chain(1)
	f.fail = func(w http.ResponseWriter, _ int) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	if _, err := f.source(t).Next(t.Context()); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("error %v", err)
	}
	if f.searches != 6 {
		t.Errorf("asked %d times", f.searches)
	}
}

func TestDocumentsThatAreNoSnapshots(t *testing.T) {
	for name, c := range map[string]struct{ source, want string }{
		"none is kept":    {"", "the index does not keep documents (_source)"},
		"too large":       {`{"x":"` + strings.Repeat("x", maxDocument) + `"}`, "more than 1 MiB"},
		"a rate limit":    {`{"detail":"Rate limit exceeded","error":false,"timestamp":"2026-01-31T00:00:00Z"}`, "pull_count: missing"},
		"a count of null": {`{"name":"a","namespace":"b","pull_count":null,"timestamp":"2026-01-31T00:00:00Z"}`, "pull_count: null is not a count"},
	} {
		t.Run(name, func(t *testing.T) {
			var source []byte
			if c.source != "" {
				source = []byte(c.source)
			}
			if _, err := stored(source); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestADocumentDatedInTheFutureIsRejected(t *testing.T) {
	f := newFakeCluster(t)
	f.add("metrics-2026-1", `{"name":"app","namespace":"me","pull_count":1,"timestamp":"2026-03-01T12:05:00Z"}`) // as clocks differ
	f.add("metrics-2026-1", `{"name":"app","namespace":"me","pull_count":2,"timestamp":"2026-03-01T12:05:01Z"}`)
	s := newShelf()
	got, err := Import(t.Context(), f.source(t), s, Options{})
	if err != nil || got.New != 1 || got.Refused != 1 || !strings.Contains(got.Problems[0].Reason, "timestamp 2026-03-01T12:05:01Z is in the future") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestAPlaceOfIndicesIsATime(t *testing.T) {
	client := connected(t, true, "http://u")
	defer client.Close() //nolint:errcheck // it was never used
	c := NewCluster(ClusterOptions{Client: client, URL: "u", Index: "i"})
	for _, place := range []string{"", "x", "-1"} {
		if err := c.Resume(place); err == nil {
			t.Errorf("%q was taken", place)
		}
	}
	if c.Name() != "elasticsearch u i" || c.Notes() != nil || c.Progress().Total != -1 {
		t.Errorf("%s, %v, %v", c.Name(), c.Notes(), c.Progress())
	}
}

package search

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/secret"
)

// script answers requests in turn, and keeps what was asked.
type script struct {
	t       *testing.T
	product string
	answers []string // "STATUS BODY"
	asked   []string
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	s.asked = append(s.asked, r.Method+" "+r.URL.String()+" "+string(body))
	if len(s.answers) == 0 {
		s.t.Errorf("asked for %s as well", s.asked[len(s.asked)-1])
		return
	}
	status, text, _ := strings.Cut(s.answers[0], " ")
	s.answers = s.answers[1:]
	if s.product != "" {
		w.Header().Set(productHeader, s.product)
	}
	w.WriteHeader(int(status[0]-'0')*100 + int(status[1]-'0')*10 + int(status[2]-'0'))
	_, _ = io.WriteString(w, text)
}

// read reads all, in pages of two.
func (s *script) read(elasticsearch bool) (hits []Hit, total int64, err error) {
	server := httptest.NewServer(s)
	defer server.Close()
	connect := NewOpenSearch
	if elasticsearch {
		s.product = productElasticsearch
		connect = NewElasticsearch
	}
	c, err := connect(Options{URLs: []string{server.URL}, Timeout: 5 * time.Second, APIKey: secret.New("hush")})
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, c.Close()) }()
	r, err := c.Read(s.t.Context(), Query{Index: "m-*", TimeField: "time", From: 5, Size: 2})
	if err != nil {
		return nil, 0, err
	}
	for {
		page, err := r.Page(s.t.Context())
		if err != nil || len(page) == 0 {
			return hits, r.Total(), errors.Join(err, r.Close(s.t.Context()))
		}
		hits = append(hits, page...)
	}
}

func hitJSON(id string, at int) string {
	return fmt.Sprintf(`{"_index":"m-1","_id":%q,"_source":{"n": 1.0},"sort":[%d,4294967296]}`, id, at)
}

func found3() []Hit {
	return []Hit{
		{Index: "m-1", ID: "a", Source: json.RawMessage(`{"n": 1.0}`), Time: 0},
		{Index: "m-1", ID: "b", Source: json.RawMessage(`{"n": 1.0}`), Time: 6},
		{Index: "m-1", ID: "c", Source: json.RawMessage(`{"n": 1.0}`), Time: 7},
	}
}

const (
	rangeQuery = `"query":{"range":{"time":{"format":"epoch_millis","gte":5}}}`
	byTime     = `{"time":{"missing":0,"order":"asc","unmapped_type":"date"}}`
)

func TestPagesAreReadFromAPointInTime(t *testing.T) {
	for _, c := range []struct {
		name          string
		elasticsearch bool
		open, opened  string
		closed        string
	}{
		{"of OpenSearch", false, "POST /m-%2A/_search/point_in_time?keep_alive=5m&allow_no_indices=false ", `200 {"pit_id":"p1"}`, `DELETE /_search/point_in_time {"pit_id":["p2"]}`},
		{"of Elasticsearch", true, "POST /m-%2A/_pit?keep_alive=5m&allow_no_indices=false ", `200 {"id":"p1"}`, `DELETE /_pit {"id":"p2"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &script{t: t, answers: []string{
				c.opened,
				`200 {"pit_id":"p1","hits":{"total":{"value":3},"hits":[]}}`,
				`200 {"pit_id":"p2","hits":{"hits":[` + hitJSON("a", 0) + "," + hitJSON("b", 6) + `]}}`,
				`200 {"pit_id":"p2","hits":{"hits":[` + hitJSON("c", 7) + `]}}`,
				`404 {}`, // it is gone already
			}}
			hits, total, err := s.read(c.elasticsearch)
			if diff := cmp.Diff(found3(), hits); diff != "" || total != 3 || err != nil {
				t.Errorf("%d, %v\n%s", total, err, diff)
			}
			const search = "POST /_search?allow_partial_search_results=false "
			want := []string{
				c.open,
				search + `{"pit":{"id":"p1","keep_alive":"5m"},` + rangeQuery + `,"size":0,"sort":[` + byTime + `,{"_shard_doc":"asc"}],"track_total_hits":true}`,
				search + `{"pit":{"id":"p1","keep_alive":"5m"},` + rangeQuery + `,"size":2,"sort":[` + byTime + `,{"_shard_doc":"asc"}],"track_total_hits":false}`,
				search + `{"pit":{"id":"p2","keep_alive":"5m"},` + rangeQuery + `,"search_after":[6,4294967296],"size":2,"sort":[` + byTime + `,{"_shard_doc":"asc"}],"track_total_hits":false}`,
				c.closed,
			}
			if diff := cmp.Diff(want, s.asked); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestPagesAreReadByAScrollWhereThereIsNoPointInTime(t *testing.T) {
	const total = `200 {"hits":{"total":{"value":3},"hits":[]}}`
	for name, before := range map[string][]string{
		"it is unknown":     {`405 {"error":"Incorrect HTTP method for uri"}`},
		"it is a bad path":  {`400 {"error":"no handler found for uri"}`},
		"it is not allowed": {`403 {"error":{"type":"security_exception","reason":"no permissions for [indices:data/read/point_in_time/create]"}}`},
		"it is not sorted": {
			`200 {"pit_id":"p"}`, `400 {"error":{"type":"illegal_argument_exception","reason":"No mapping found for [_shard_doc]"}}`, `200 {}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{t: t, answers: append(before, total,
				`200 {"_scroll_id":"s1","hits":{"hits":[`+hitJSON("a", 0)+","+hitJSON("b", 6)+`]}}`,
				`200 {"_scroll_id":"s2","hits":{"hits":[`+hitJSON("c", 7)+`]}}`,
				`200 {}`,
			)}
			hits, count, err := s.read(false)
			if diff := cmp.Diff(found3(), hits); diff != "" || count != 3 || err != nil {
				t.Errorf("%d, %v\n%s", count, err, diff)
			}
			const search = "POST /m-%2A/_search?allow_partial_search_results=false&allow_no_indices=false"
			want := []string{
				search + ` {` + rangeQuery + `,"size":0,"sort":[` + byTime + `],"track_total_hits":true}`,
				search + `&scroll=5m {` + rangeQuery + `,"size":2,"sort":[` + byTime + `]}`,
				`POST /_search/scroll {"scroll":"5m","scroll_id":"s1"}`,
				`DELETE /_search/scroll {"scroll_id":"s2"}`,
			}
			if diff := cmp.Diff(want, s.asked[len(before):]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAReadingThatFails(t *testing.T) {
	const forbidden = `403 {"error":{"type":"security_exception","reason":"no permissions for [%s]"}}`
	const opened, counted = `200 {"pit_id":"p"}`, `200 {"hits":{"total":{"value":3},"hits":[]}}`
	for name, c := range map[string]struct {
		answers []string
		class   Class
		want    string
	}{
		"without any permission":      {[]string{fmt.Sprintf(forbidden, "create"), fmt.Sprintf(forbidden, "search")}, Forbidden, "[create]"},
		"without an index":            {[]string{`404 {"error":{"type":"index_not_found_exception","reason":"no such index [m-*]"}}`}, Missing, "no such index"},
		"with a time that is text":    {[]string{opened, `400 {"error":{"type":"t","reason":"a"}}`, `200 {}`, `400 {"error":{"type":"t","reason":"text fields"}}`}, Refused, "text fields"},
		"with a part of the shards":   {[]string{opened, counted, `200 {"_shards":{"total":2,"failed":1,"failures":[{"reason":{"type":"t","reason":"lost"}}]},"hits":{}}`, `200 {}`}, Unavailable, "1 of 2 shards have not answered: lost"},
		"after a while":               {[]string{opened, counted, `200 {"timed_out":true,"hits":{}}`, `200 {}`}, Unavailable, "before it had found all"},
		"with another answer":         {[]string{opened, counted, `200 {"x":1}`, `200 {}`}, Unexpected, "not that of a cluster"},
		"with a page of HTML":         {[]string{`200 <html>`}, Unexpected, "not that of a cluster"},
		"without a point in time":     {[]string{`200 {}`}, Unexpected, "no point in time"},
		"with an order that is words": {[]string{opened, counted, `200 {"hits":{"hits":[{"_index":"m-1","_id":"a","sort":["x",1]}]}}`, `200 {}`}, Unexpected, "the field time of m-1"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &script{t: t, answers: c.answers}
			_, _, err := s.read(false)
			var e *Error
			if !errors.As(err, &e) || e.Class != c.class || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v", err)
			}
			if len(s.answers) > 0 {
				t.Errorf("not asked for: %v", s.answers)
			}
		})
	}
}

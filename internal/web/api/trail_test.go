package api

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
)

const nginxPath = "/api/v1/repositories/library/nginx"

// counted are samples at the hours after slot's day began, with totals.
func counted(hoursAndTotals ...int64) []history.Sample {
	var samples []history.Sample
	for i := 0; i < len(hoursAndTotals); i += 2 {
		at := slot.Add(time.Duration(hoursAndTotals[i]-1) * time.Hour)
		samples = append(samples, history.Sample{Timestamp: at, Slot: at, PullCount: hoursAndTotals[i+1]})
	}
	return samples
}

func TestDaily(t *testing.T) {
	const open = `{"namespace":"library","name":"nginx","from":null,"to":null,`
	for name, c := range map[string]struct {
		samples     []history.Sample
		query, want string
	}{
		"nothing is known with one snapshot": {
			counted(0, 5), "", open + `"days":[],"restatements":[]}`,
		},
		"whole and partial days, and every digit": {
			counted(0, 9007199254740993, 24, 9007199254740993, 48, 9007199254741993, 60, 9007199254742000), "?from=&to=",
			open + `"days":[{"date":"2026-11-23","pulls":0,"gap":false,"partial":false},` +
				`{"date":"2026-11-24","pulls":1000,"gap":false,"partial":false},` +
				`{"date":"2026-11-25","pulls":7,"gap":false,"partial":true}],"restatements":[]}`,
		},
		"a gap, and a restatement": {
			counted(0, 10, 72, 40, 96, 7), "",
			open + `"days":[{"date":"2026-11-23","pulls":10,"gap":true,"partial":false},` +
				`{"date":"2026-11-24","pulls":10,"gap":true,"partial":false},` +
				`{"date":"2026-11-25","pulls":10,"gap":true,"partial":false},` +
				`{"date":"2026-11-26","pulls":0,"gap":false,"partial":false}],` +
				`"restatements":[{"timestamp":"2026-11-27T00:00:00Z","from":40,"to":7}]}`,
		},
		"a range has the days that it touches and what was seen on them": {
			counted(0, 10, 24, 4, 48, 20, 72, 12), "?from=2026-11-24T01:00:00Z&to=2026-11-24T02:00:00Z",
			`{"namespace":"library","name":"nginx","from":"2026-11-24T01:00:00Z","to":"2026-11-24T02:00:00Z",` +
				`"days":[{"date":"2026-11-24","pulls":16,"gap":false,"partial":false}],` +
				`"restatements":[{"timestamp":"2026-11-24T00:00:00Z","from":10,"to":4}]}`,
		},
		"the last day that can be asked for": {
			counted(0, 10), "?to=9999-12-31T23:59:59Z",
			`{"namespace":"library","name":"nginx","from":null,"to":"9999-12-31T23:59:59Z","days":[],"restatements":[]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := sampleMemory(t)
			s.samples = c.samples
			got := ask(handlerOf(s), http.MethodGet, nginxPath+"/daily"+c.query)
			if diff := cmp.Diff(c.want+"\n", got.Body.String()); diff != "" || got.Code != http.StatusOK {
				t.Errorf("%d %s", got.Code, diff)
			}
		})
	}
}

func TestPushes(t *testing.T) {
	s := sampleMemory(t)
	s.samples = counted(0, 1, 24, 2, 48, 3)
	pushed, again := time.Date(2026, 11, 23, 3, 4, 5, 678901000, time.FixedZone("CET", 3600)), slot.Add(30*time.Hour)
	s.samples[1].LastUpdated, s.samples[2].LastUpdated = &pushed, &again
	got := ask(handlerOf(s), http.MethodGet, nginxPath+"/pushes")
	want := `{"namespace":"library","name":"nginx","pushes":[` +
		`{"last_updated":"2026-11-23T02:04:05.678901Z","timestamp":"2026-11-24T00:00:00Z"},` +
		`{"last_updated":"2026-11-24T07:00:00Z","timestamp":"2026-11-25T00:00:00Z"}]}` + "\n"
	if diff := cmp.Diff(want, got.Body.String()); diff != "" {
		t.Error(diff)
	}
	got = ask(handlerOf(&memory{}, hub.Repository{Namespace: "b", Name: "unseen"}), http.MethodGet, "/api/v1/repositories/b/unseen/pushes")
	if want := `{"namespace":"b","name":"unseen","pushes":[]}` + "\n"; got.Body.String() != want {
		t.Errorf("got %s", got.Body)
	}
}

// endless are n samples, a minute apart.
func endless(n int) []history.Sample {
	samples := make([]history.Sample, n)
	for i := range samples {
		at := slot.Add(time.Duration(i-n) * time.Minute)
		samples[i] = history.Sample{Timestamp: at, Slot: at, PullCount: int64(i)}
	}
	return samples
}

func TestSeriesComeAsCSV(t *testing.T) {
	s := sampleMemory(t)
	for name, c := range map[string]struct{ target, file, want string }{
		"samples": {
			nginxPath + "/series?format=csv", "library-nginx-series.csv",
			"timestamp,slot,pull_count,star_count,storage_size,last_updated\n" +
				"2026-11-22T01:00:00Z,2026-11-22T01:00:00Z,12915999983,,,\n" +
				"2026-11-23T01:00:01.5Z,2026-11-23T01:00:00Z,12916987208,21119,0,2026-11-20T02:04:05.678901Z\n",
		},
		"days":        {nginxPath + "/daily?format=csv", "library-nginx-daily.csv", "date,pulls,gap,partial\n2026-11-22,946074,false,true\n2026-11-23,41151,false,true\n"},
		"a part":      {nginxPath + "/daily?format=csv&to=2026-11-23", "library-nginx-daily.csv", "date,pulls,gap,partial\n2026-11-22,946074,false,true\n"},
		"pushes":      {nginxPath + "/pushes?format=csv", "library-nginx-pushes.csv", "last_updated,timestamp\n2026-11-20T02:04:05.678901Z,2026-11-23T01:00:01.5Z\n"},
		"curves":      {"/api/v1/curves?format=csv", "curves-pulls.csv", "date,name,pulls,gap,partial\n2026-11-22,library/nginx,946074,false,true\n2026-11-23,library/nginx,41151,false,true\n"},
		"only a head": {"/api/v1/repositories/b/unseen/daily?format=csv", "b-unseen-daily.csv", "date,pulls,gap,partial\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ask(handlerOf(s, hub.Repository{Namespace: "b", Name: "unseen"}), http.MethodGet, c.target)
			if diff := cmp.Diff(strings.ReplaceAll(c.want, "\n", "\r\n"), got.Body.String()); diff != "" {
				t.Error(diff)
			}
			if h := got.Header(); h.Get("Content-Type") != typeCSV || h.Get("Content-Disposition") != `attachment; filename="`+c.file+`"` {
				t.Errorf("got %d %v", got.Code, h)
			}
		})
	}
}

func TestTheHeaderAcceptChoosesTheFormat(t *testing.T) {
	for accept, csv := range map[string]bool{
		"": false, "*/*": false, "text/csv": true, "Text/CSV;charset=utf-8": true, "text/csv, application/json": true,
		"application/json, text/csv": false, "text/html,*/*;q=0.8": false, "text/csv;q=0": false, "text/csv; q=0, text/plain": false, "text/csv;q=0.5": true,
	} {
		r := httptest.NewRequest(http.MethodGet, nginxPath+"/daily", nil)
		r.Header.Set("Accept", accept)
		w := httptest.NewRecorder()
		handlerOf(sampleMemory(t)).ServeHTTP(w, r)
		if got := w.Header().Get("Content-Type") == typeCSV; got != csv || !slices.Contains(w.Header().Values("Vary"), "Accept") {
			t.Errorf("%q: got %v", accept, w.Header())
		}
	}
	r := httptest.NewRequest(http.MethodGet, nginxPath+"/daily?format=json", nil)
	r.Header.Set("Accept", "text/csv")
	w := httptest.NewRecorder()
	if handlerOf(sampleMemory(t)).ServeHTTP(w, r); w.Header().Get("Content-Type") != typeJSON {
		t.Errorf("the parameter does not prevail: %v", w.Header())
	}
}

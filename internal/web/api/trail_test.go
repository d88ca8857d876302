package api

import (
	"net/http"
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
		"nothing is known before there are snapshots": {
			nil, "", open + `"days":[],"restatements":[]}`,
		},
		"nor with one": {
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

func TestDaysAreReadAsAWhole(t *testing.T) {
	s := sampleMemory(t)
	ask(handlerOf(s), http.MethodGet, nginxPath+"/daily?from=2026-01-31T23:00:00-05:00&to=2026-02-03T00:00:01Z")
	from, to := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC), time.Date(2026, 2, 4, 0, 0, 0, 0, time.UTC)
	if s.from != from || s.to != to {
		t.Errorf("history was asked for %v to %v", s.from, s.to)
	}
	ask(handlerOf(s), http.MethodGet, nginxPath+"/daily")
	if !s.from.IsZero() || !s.to.IsZero() {
		t.Errorf("history was asked for %v to %v", s.from, s.to)
	}
}

func TestDaysAreBounded(t *testing.T) {
	s := sampleMemory(t)
	s.samples = make([]history.Sample, 2*maxSamples)
	wantProblem(t, ask(handlerOf(s), http.MethodGet, nginxPath+"/daily"), 400, "more than 200000 samples")

	s.samples = counted(0, 1, 24*maxDays, 2)
	if got := ask(handlerOf(s), http.MethodGet, nginxPath+"/daily"); strings.Count(got.Body.String(), `"date"`) != maxDays {
		t.Errorf("at the bound: %d %.200s", got.Code, got.Body)
	}
	s.samples = counted(0, 1, 24*(maxDays+1), 2)
	wantProblem(t, ask(handlerOf(s), http.MethodGet, nginxPath+"/daily"), 400, "more than 36600 days")
	s.samples[1].Timestamp = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	wantProblem(t, ask(handlerOf(s), http.MethodGet, nginxPath+"/daily"), 400, "more than 36600 days")
	if got := ask(handlerOf(s), http.MethodGet, nginxPath+"/daily?from=2030-01-01&to=2030-01-08"); strings.Count(got.Body.String(), `"date"`) != 7 {
		t.Errorf("narrowed: %d %s", got.Code, got.Body)
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

func TestPushesAreWholeOrRefused(t *testing.T) {
	s := sampleMemory(t)
	s.samples = make([]history.Sample, 2*maxSamples)
	wantProblem(t, ask(handlerOf(s), http.MethodGet, nginxPath+"/pushes"), 400, "more than 200000 pushes")
}

package api

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"pulltrail/internal/history"
)

// TestAnswersAgree holds that curves, days and sums say the same of any history.
func TestAnswersAgree(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := three(t)
		w.all["one"] = drawn(rt, "one")
		w.all["two"] = drawn(rt, "two")
		from := slot.Add(time.Duration(rapid.IntRange(-10, 40).Draw(rt, "from")) * day).Format(time.DateOnly)
		top := rapid.IntRange(1, 3).Draw(rt, "top")
		h := w.handler()
		read := func(target string, into any) {
			if err := json.Unmarshal(ask(h, http.MethodGet, "/api/v1"+target).Body.Bytes(), into); err != nil {
				rt.Fatal(target, err)
			}
		}
		var c curves
		read(fmt.Sprintf("/curves?from=%s&top=%d", from, top), &c)
		for i, date := range c.Dates {
			total, known := int64(0), false
			for _, s := range c.Series {
				if v := s.Values[i]; v != nil {
					total, known = total+*v, true
				}
			}
			if got := c.Sum.Values[i]; (got != nil) != known || known && *got != total {
				rt.Errorf("%s: the series make %d, %v, the sum is %v", date, total, known, got)
			}
		}
		for _, s := range c.Series {
			if s.Others == 0 {
				var d daily
				read("/repositories/"+s.Name+"/daily?from="+from, &d)
				sameDays(rt, c, s, d)
			}
		}
		if lines := strings.Count(ask(h, http.MethodGet, fmt.Sprintf("/api/v1/curves?format=csv&from=%s&top=%d", from, top)).Body.String(), "\r\n"); lines != 1+known(c) {
			rt.Errorf("CSV has %d lines for %d values", lines, known(c))
		}
	})
}

// drawn are samples in any distances.
func drawn(t *rapid.T, name string) []history.Sample {
	var samples []history.Sample
	at := slot
	for range rapid.IntRange(1, 12).Draw(t, name) {
		samples = append(samples, history.Sample{Timestamp: at, PullCount: rapid.Int64Range(0, 1e9).Draw(t, "total")})
		at = at.Add(time.Duration(rapid.IntRange(1, 100).Draw(t, "hours")) * time.Hour)
	}
	return samples
}

func known(c curves) (n int) {
	for _, s := range c.Series {
		for _, v := range s.Values {
			if v != nil {
				n++
			}
		}
	}
	return n
}

func sameDays(t *rapid.T, c curves, s curve, d daily) {
	gaps, partial := s.Gaps, s.Partial
	for i, date := range c.Dates {
		isGap, isPartial := next(&gaps, i), next(&partial, i)
		if s.Values[i] == nil {
			continue
		}
		want := dayOfPulls{Date: date, Pulls: *s.Values[i], Gap: isGap, Partial: isPartial}
		if len(d.Days) == 0 || d.Days[0] != want {
			t.Fatalf("%s has %+v, and its days are %+v", s.Name, want, d.Days)
		}
		d.Days = d.Days[1:]
	}
	if len(d.Days) > 0 {
		t.Errorf("%s has no value for %+v", s.Name, d.Days)
	}
}

package indexer

import (
	"bytes"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// retaining is a retention at a time that the cluster has as well.
func retaining(t *testing.T, c *cluster, now time.Time, routes ...Route) (*Retention, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	r := NewRetention(RetentionOptions{
		Care: newCare(t, routes...), Clusters: []*Cluster{c.sink(t)}, Registerer: prometheus.NewRegistry(),
		Log: slog.New(slog.NewTextHandler(&log, nil)),
	})
	r.now = func() time.Time { return now }
	c.set(func(c *cluster) { c.clock = now })
	return r, &log
}

// months are the names of n of them from one on.
func months(prefix string, year, month, n int) []string {
	var names []string
	for i := range n {
		names = append(names, prefix+time.Date(year, time.Month(month+i), 1, 0, 0, 0, 0, time.UTC).Format("2006-01"))
	}
	return names
}

func TestIndicesAreDeletedWhenTheirNewestDocumentIsTooOld(t *testing.T) {
	c := having(t, append(months("s-", 2025, 10, 6), "s-2020-01-reindexed", "s-1999", "other-2020-01", "u-2020-01")...)
	day := func(s string) time.Time { at, _ := time.Parse(time.DateOnly, s); return at }
	kept := Route{Topic: "s/#", Kind: KindDocument, Index: "s-{Y}-{m}", Keep: "3mo"}
	forEver := Route{Topic: "u/#", Kind: KindDocument, Index: "u-{Y}-{m}"}
	r, _ := retaining(t, c, day("2026-03-01").Add(-time.Second), kept, forEver)
	before := c.names()
	if before = slices.DeleteFunc(before, func(s string) bool { return s == "s-2025-10" }); r.Run(t.Context()) != nil || !slices.Equal(c.names(), before) {
		t.Errorf("in the last second of a month: %v", c.names())
	}
	r, log := retaining(t, c, day("2026-03-01"), kept, forEver)
	before = slices.DeleteFunc(before, func(s string) bool { return s == "s-2025-11" })
	if err := r.Run(t.Context()); err != nil || !slices.Equal(c.names(), before) {
		t.Errorf("in the first: %v, %v", c.names(), err)
	}
	if !strings.Contains(log.String(), `msg="index reached its age limit and is deleted" index=s-2025-11 sink=opensearch route=indexer.routes[0] keep=3mo`) {
		t.Errorf("log: %s", log)
	}
	if n := testutil.ToFloat64(r.deleted.WithLabelValues("opensearch")); n != 1 {
		t.Errorf("%v are counted", n)
	}
}

func TestNothingIsDeletedWhenTooMuchWouldBe(t *testing.T) {
	kept := Route{Topic: "s/#", Kind: KindDocument, Index: "s-{Y}-{m}", Keep: "3mo"}
	names := months("s-", 2025, 1, 12)
	c := having(t, names...)
	// A clock, the cluster's too, that has jumped.
	r, _ := retaining(t, c, time.Date(2099, 1, 1, 0, 0, 0, 0, time.UTC), kept)
	err := r.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "11 of the 12 indices of indexer.routes[0] (s-{Y}-{m}) are older than its keep (3mo)") ||
		!strings.Contains(err.Error(), "pulltrail indices delete --route 0 --older-than 3mo") || !slices.Equal(c.names(), names) {
		t.Errorf("%v; left: %v", err, c.names())
	}
	// The clock here alone.
	r, _ = retaining(t, c, time.Date(2025, 5, 1, 0, 0, 0, 0, time.UTC), kept)
	c.set(func(c *cluster) { c.clock = c.clock.Add(-2 * time.Hour) })
	err = r.Run(t.Context())
	if err == nil || !strings.Contains(err.Error(), "the clock here says 2025-05-01T00:00:00Z and that of the cluster 2025-04-30T22:00:00Z") || !slices.Equal(c.names(), names) {
		t.Errorf("%v; left: %v", err, c.names())
	}
}

func TestTheNewestIndexOfARouteStays(t *testing.T) {
	c := having(t, "s-2020", "s-2021")
	r, _ := retaining(t, c, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC), Route{Topic: "s/#", Kind: KindDocument, Index: "s-{Y}", Keep: "1y"})
	for range 3 {
		if err := r.Run(t.Context()); err != nil || !slices.Equal(c.names(), []string{"s-2021"}) {
			t.Errorf("%v; left: %v", err, c.names())
		}
	}
}

func TestAnIndexOfSeveralRoutesStaysAsLongAsOneKeepsIt(t *testing.T) {
	names := []string{"s-2020", "s-2021", "s-2022", "s-2023"}
	for _, tt := range []struct {
		other Route
		want  []string
	}{
		{Route{Index: "s-2020"}, names},
		{Route{Index: "s-202{d}"}, names[1:]}, // which names none of them
		{Route{Index: "s-{Y}", Keep: "5y"}, names[1:]},
	} {
		c := having(t, names...)
		tt.other.Topic, tt.other.Kind = "t/#", KindDocument
		kept := Route{Topic: "s/#", Kind: KindDocument, Index: "s-{Y}", Keep: "5y"}
		r, _ := retaining(t, c, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), kept, tt.other)
		if err := r.Run(t.Context()); err != nil || !slices.Equal(c.names(), tt.want) {
			t.Errorf("beside %s: %v, %v", tt.other.Index, c.names(), err)
		}
	}
}

func TestAMissingPermissionIsToldOnce(t *testing.T) {
	c := having(t, months("s-", 2025, 1, 12)...)
	r, _ := retaining(t, c, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Route{Topic: "s/#", Kind: KindDocument, Index: "s-{Y}-{m}", Keep: "9mo"})
	c.set(func(c *cluster) {
		c.fault = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
			if r.Method == http.MethodDelete || strings.HasPrefix(r.URL.Path, "/_cat") {
				fail(w, http.StatusForbidden, "security_exception", "action [indices:admin/delete] is unauthorized for user [w]")
				return true
			}
			return false
		}
	})
	err := r.Run(t.Context())
	if err == nil || strings.Count(err.Error(), "the permission delete_index is missing") != 1 || !strings.Contains(err.Error(), "(pulltrail setup opensearch grants what the routes need)") || len(c.names()) != 12 {
		t.Errorf("%v; left: %v", err, c.names())
	}
}

func TestOneRouteDoesNotHoldUpAnother(t *testing.T) {
	c := having(t, "a-2020", "a-2021", "a-2022", "b-2020", "b-2021")
	r, _ := retaining(t, c, time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Route{Topic: "a", Kind: KindDocument, Index: "a-{Y}", Keep: "1y"}, Route{Topic: "b", Kind: KindDocument, Index: "b-{Y}", Keep: "1y"})
	if err := r.Run(t.Context()); err == nil || !slices.Equal(c.names(), []string{"a-2020", "a-2021", "a-2022", "b-2021"}) {
		t.Errorf("%v; left: %v", err, c.names())
	}
	c.Close()
	if err := r.Run(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "opensearch: ") {
		t.Errorf("a cluster that is away: %v", err)
	}
}

// Whatever the indices and the time are: none goes that may have a document young enough,
// none that no date names, never the newest, never more than half.
func TestRetentionNeverTakesTooMuch(t *testing.T) {
	care := newCare(t, Route{Topic: "s", Kind: KindDocument, Index: "s-{Y}-{m}-{d}", Keep: "10d"})
	route := care.routes[slices.IndexFunc(care.routes, func(r caredFor) bool { return !r.keep.IsZero() })]
	holds := func(days []uint8, at uint16) bool {
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		now := start.Add(time.Duration(at) * time.Hour / 8)
		var indices []Index
		seen := map[string]bool{}
		for _, d := range days {
			if index, ok := care.Named(route.index.name(start.AddDate(0, 0, int(d)))); ok && !seen[index.Name] {
				indices, seen[index.Name] = append(indices, index), true
			}
		}
		over, err := care.expired(route, indices, now)
		if err != nil {
			return len(over) == 0
		}
		for _, i := range over {
			newest := i.End.Add(-time.Nanosecond)
			if now.Sub(newest) < 240*time.Hour || !slices.ContainsFunc(indices, func(o Index) bool { return o.End.After(i.End) }) {
				return false
			}
		}
		return 2*len(over) <= len(indices)
	}
	if err := quick.Check(holds, &quick.Config{MaxCount: 2000}); err != nil {
		t.Error(err)
	}
}

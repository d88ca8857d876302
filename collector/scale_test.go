package collector_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/collector"
	"pulltrail/internal/hub"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/roster"
)

// allowed is how many requests a minute Docker Hub allows without a login.
const allowed = 180

// heap is which of the heap's peaks are measured: everything, what is garbage already
// included, and what is in use, which a garbage collection before each look tells.
type heap struct{ all, live uint64 }

func (p *heap) look() {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	p.all = max(p.all, m.HeapAlloc)
	runtime.GC()
	runtime.ReadMemStats(&m)
	p.live = max(p.live, m.HeapAlloc)
}

// counting is an outbox that counts, in place of keeping, so that its memory is not
// taken for the collector's. It looks at the heap where the most is in memory: while the
// snapshots of a page are handed over.
type counting struct {
	stored, calls atomic.Int64
	peak          *heap // nil to measure nothing
}

func (c *counting) Append(_ context.Context, snapshots ...hub.Snapshot) error {
	c.stored.Add(int64(len(snapshots)))
	if n := c.calls.Add(1); c.peak != nil && n%5 == 0 {
		c.peak.look()
	}
	return nil
}

func (*counting) Has(context.Context, hub.Repository, time.Time) (bool, error) { return false, nil }

// blank is a roster of a first run.
type blank struct{}

func (blank) Report(context.Context, time.Time, ...roster.Report) error { return nil }
func (blank) Listing(context.Context, string) (roster.Listing, bool, error) {
	return roster.Listing{}, false, nil
}
func (blank) SetListing(context.Context, roster.Listing) error { return nil }
func (blank) Unseen(context.Context, string, time.Time, int, ...string) ([]hub.Repository, error) {
	return nil, nil
}

// everything is all of a population's namespaces, at the rate that Docker Hub allows.
func everything(namespaces int) func(*collector.Config) {
	return func(c *collector.Config) {
		c.Rate, c.Deadline = allowed/60., 24*time.Hour
		c.Repositories = make([]string, namespaces)
		for i := range c.Repositories {
			c.Repositories[i] = fmt.Sprintf("ns-%03d/*", i)
		}
	}
}

// measured is what a run over a population has cost.
type measured struct {
	repositories, namespaces int
	collector.Summary
	stored, refused int64
	least           time.Duration // the least time that the pages take
	base            uint64        // heap in use before the run
	heap
}

// pages is the least number of requests.
func (m measured) pages() int {
	return m.namespaces * ((m.repositories/m.namespaces + 99) / 100)
}

// atScale collects a population once, on a clock of its own.
func atScale(t *testing.T, namespaces, perNamespace int, look bool) (m measured) {
	synctest.Test(t, func(t *testing.T) {
		h := hubtest.NewInProcess(t)
		h.URL = "https://hub.invalid"
		h.Populate(namespaces, perNamespace)
		h.Latency(50 * time.Millisecond)
		h.Limit(allowed)
		outbox := &counting{}
		m = measured{repositories: namespaces * perNamespace, namespaces: namespaces}
		if look {
			outbox.peak = &m.heap
			m.look()
			m.base, m.heap = m.live, heap{}
		}
		m.collect(t, outbox, h)
	})
	return m
}

func (m *measured) collect(t *testing.T, outbox *counting, h *hubtest.Hub) {
	cfg := collector.DefaultConfig()
	cfg.URL = h.URL
	everything(m.namespaces)(&cfg)
	c, err := collector.New(cfg, collector.Options{
		Outbox: outbox, Known: outbox, Roster: blank{}, Log: slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(), Transport: h.RoundTripper(),
	})
	if err != nil {
		t.Fatal(err)
	}
	summary, err := c.CollectAll(t.Context(), slot, nil)
	if err != nil || summary.Again != 0 {
		t.Errorf("unfinished (%s), %v", summary.Unfinished, err)
	}
	m.Summary, m.stored, m.refused = summary, outbox.stored.Load(), int64(h.Refused())
	m.least = time.Duration(m.pages()) * time.Minute / allowed
}

func TestTenThousandRepositoriesTakeNoMoreRequestsThanTheyHavePages(t *testing.T) {
	m := atScale(t, 100, 100, false)
	if m.stored != 10_000 || m.Succeeded != 10_000 || m.Failed != 0 {
		t.Errorf("%d stored, %d succeeded, %d failed", m.stored, m.Succeeded, m.Failed)
	}
	if m.Requests*100 > m.pages()*102 || m.refused != 0 {
		t.Errorf("%d requests for %d pages, %d refused", m.Requests, m.pages(), m.refused)
	}
	if took := m.Finished.Sub(m.Started); took > m.least*11/10 {
		t.Errorf("it took %v, and the pages alone take %v", took, m.least)
	}
}

// TestTheMemoryOfARunIsFlat prints the table of bench/RESULTS.md; its last line comes with
// PULLTRAIL_TEST_SCALE=long only, since it takes a while.
func TestTheMemoryOfARunIsFlat(t *testing.T) {
	const mib = 1 << 20
	sizes := [][2]int{{10, 100}, {100, 100}}
	if os.Getenv("PULLTRAIL_TEST_SCALE") == "long" {
		sizes = append(sizes, [2]int{100, 1000})
	}
	t.Log("| repositories | namespaces | requests | least | ratio | refused | time | least | peak heap, MiB | of it in use | before the run |")
	var live []uint64
	for _, size := range sizes {
		m := atScale(t, size[0], size[1], true)
		t.Logf("| %d | %d | %d | %d | %.3f | %d | %.1f s | %.1f s | %.1f | %.1f | %.1f |", m.repositories, m.namespaces, m.Requests, m.pages(),
			float64(m.Requests)/float64(m.pages()), m.refused, m.Finished.Sub(m.Started).Seconds(), m.least.Seconds(),
			float64(m.all)/mib, float64(m.live)/mib, float64(m.base)/mib)
		if m.stored != int64(m.repositories) {
			t.Errorf("%d stored of %d", m.stored, m.repositories)
		}
		live = append(live, m.live-min(m.live, m.base))
	}
	if slices.Max(live) > slices.Min(live)+4*mib {
		t.Errorf("what a run keeps grows with the number of repositories: %v bytes", live)
	}
}

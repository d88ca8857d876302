package hubtest

import (
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/hub"
)

func TestAPopulationTakesNoMemoryOfItsOwn(t *testing.T) {
	h := NewInProcess(t)
	a := ask(t, h)
	a.get("/") // what is made once
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	h.Populate(300, 334)
	l := a.page("/v2/namespaces/ns-299/repositories?page=4&page_size=100")
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 2<<20 {
		t.Errorf("a page took %d bytes", allocated)
	}
	if l.Count != 334 || l.Next != nil || len(l.Results) != 34 || l.Results[33].Name != "repo-00333" || l.Results[33].Namespace != "ns-299" {
		t.Errorf("%+v", l)
	}
}

func TestALargePopulationIsListedToItsEnd(t *testing.T) {
	h := NewInProcess(t)
	h.Populate(300, 334)
	a := ask(t, h)
	rows, pages := 0, 0
	for i := range 300 {
		for page := 1; page <= 4; page++ {
			g := a.get(fmt.Sprintf("/v2/namespaces/ns-%03d/repositories?page=%d&page_size=100", i, page))
			rows += strings.Count(g.body, `"pull_count":`)
			pages++
		}
	}
	if rows != 100_200 || h.Requests() != pages {
		t.Errorf("%d rows in %d requests", rows, h.Requests())
	}
}

func TestAPopulationIsCompleteAndGrows(t *testing.T) {
	h := NewInProcess(t)
	h.Populate(3, 120)
	a := ask(t, h)
	listed := slices.Concat(a.walk("/v2/repositories/ns-000/?page_size=50"), a.walk("/v2/repositories/ns-001/"), a.walk("/v2/repositories/ns-002/?page_size=100"))
	if named := slices.Collect(h.Populated()); len(named) != 360 || named[42] != "ns-000/repo-00042" || !slices.Equal(named, listed) {
		t.Errorf("%d are named, %d listed", len(named), len(listed))
	}
	var still, grown int
	for range 3 {
		before := a.page("/v2/repositories/ns-001/?page_size=100")
		h.Tick()
		after := a.page("/v2/repositories/ns-001/?page_size=100")
		for i, row := range after.Results {
			switch pulls := h.Pulls("ns-001/" + row.Name); {
			case *row.PullCount != pulls || pulls < *before.Results[i].PullCount:
				t.Errorf("%s has %d pulls after %d, want %d", row.Name, *row.PullCount, *before.Results[i].PullCount, pulls)
			case pulls == *before.Results[i].PullCount:
				still++
			default:
				grown++
			}
		}
	}
	if still == 0 || grown < still {
		t.Errorf("%d have grown, %d not", grown, still)
	}
	g := a.get("/v2/repositories/ns-001/repo-00042")
	if s, err := hub.Decode([]byte(g.body), time.Now(), time.Now()); err != nil || s.PullCount != h.Pulls("ns-001/repo-00042") {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestAPopulationHasNobodyElse(t *testing.T) {
	h := NewInProcess(t)
	h.Populate(3, 5)
	for _, path := range []string{
		"ns-003/", "ns-0001/", "ns-1/", "ns--01/", "ns-+01/", "ns-/", "elsewhere/", "ns-001/repo-00005", "ns-001/repo-1", "ns-001/repo-", "ns-003/repo-00001",
	} {
		if g := ask(t, h).get("/v2/repositories/" + path); g.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, g.status)
		}
	}
}

func TestAPopulationMixesWithWhatIsSet(t *testing.T) {
	h := NewInProcess(t)
	h.Set("ns-000/repo-00001", 7)
	h.Set("ns-000/a", 8)
	h.SetPrivate("ns-000/b", 9)
	h.Populate(1, 4)
	h.Remove("ns-000/repo-00003")
	a := ask(t, h)
	want := "ns-000/a ns-000/repo-00000 ns-000/repo-00001 ns-000/repo-00002"
	if got := strings.Join(a.walk("/v2/repositories/ns-000/?page_size=3"), " "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if g := a.get("/v2/repositories/ns-000/repo-00001"); !strings.Contains(g.body, `"pull_count":7,`) {
		t.Error(g.body)
	}
	if g := a.get("/v2/repositories/ns-000/repo-00003"); g.status != http.StatusNotFound {
		t.Errorf("removed: %d", g.status)
	}
	h.Populate(1, 2)
	if got := strings.Join(a.walk("/v2/repositories/ns-000/"), " "); got != "ns-000/a ns-000/repo-00000 ns-000/repo-00001" {
		t.Errorf("a smaller one: %s", got)
	}
}

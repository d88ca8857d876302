//go:build integration

package browsertest

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"pulltrail/app"
	"pulltrail/internal/config"
	"pulltrail/internal/hubtest"
)

var pages = map[string]string{"overview": "/", "repository": "/r/demo-harbour/pilot?range=1y", "status": "/status", "unknown": "/r/demo-harbour/pilto"}

// notFound is what the browser says of a page that is not found.
const notFound = "status of 404"

func TestEveryPageInEveryFormat(t *testing.T) {
	site := twoYears(t)
	for name, v := range map[string]view{
		"phone": phone, "phone dark": {width: 390, height: 844, dark: true}, "desktop dark": {width: 1280, height: 900, dark: true},
		"desktop": desktop, "4K": {width: 3840, height: 2160},
	} {
		t.Run(name, func(t *testing.T) {
			v.provoked = []string{notFound}
			p := open(t, site, v)
			for page, path := range pages {
				p.visit(path)
				if p.count("#chart") > 0 {
					p.await(drawn)
				}
				if wide := eval[int64](p, `document.documentElement.scrollWidth`); wide > v.width {
					t.Errorf("%s is %d wide on %d", page, wide, v.width)
				}
				p.axe()
				p.shot(page)
			}
		})
	}
}

func TestARepositorysPage(t *testing.T) {
	p := open(t, twoYears(t), desktop)
	p.visit("/")
	p.await(drawn)
	p.click(`#table [data-repository="demo-harbour/pilot"] th a`)
	p.await(`location.pathname === '/r/demo-harbour/pilot'`)
	p.await(drawn)
	for _, want := range []string{"Best day", "Milestones", "What did the release do?", "Markdown", "Raw document"} {
		if !strings.Contains(strings.ToLower(p.text("main")), strings.ToLower(want)) {
			t.Errorf("the page does not say %q", want)
		}
	}
	eval[bool](p, `document.querySelector('img.preview').scrollIntoView(); true`) // it is loaded when it comes into sight
	p.await(`[...document.images].length > 0 && [...document.images].every(i => i.complete && i.naturalWidth > 0)`)
	p.click("button[data-copy]")
	p.await(`document.querySelector('button[data-copy]').textContent === document.querySelector('button[data-copy]').dataset.copied`)
	p.click("#range-90d")
	p.await(`location.search === '?range=90d'`)
	p.await(drawn)
}

func TestAnUnknownRepositoryIsAnsweredWithTheNearest(t *testing.T) {
	v := desktop
	v.provoked = []string{notFound}
	p := open(t, twoYears(t), v)
	p.visit("/r/demo-harbour/pilto")
	p.click(`main a[href="/r/demo-harbour/pilot"]`)
	p.await(`location.pathname === '/r/demo-harbour/pilot'`)
}

func TestARunBeginsByTheButton(t *testing.T) {
	site := twoYears(t)
	eventually(t, "the end of the first run", func() bool { // until then another is refused
		status := get(t, site+"/api/v1/status")
		return strings.Contains(status, `"running":false`) && strings.Contains(status, `"last":{`)
	})
	p := open(t, site, desktop)
	p.visit("/status")
	p.click(`form[action="/collect"] button`)
	p.await(`location.pathname === '/status' && document.body.textContent.includes('by hand')`)
}

func TestPrinted(t *testing.T) {
	p := open(t, twoYears(t), desktop)
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print"})
	p.visit("/?range=90d")
	if shown := eval[bool](p, `getComputedStyle(document.querySelector('#search')).display !== 'none' && document.querySelector('#search').checkVisibility()`); shown {
		t.Error("the search is on paper")
	}
	p.shot("paper")
}

// hostileName is as long as Docker Hub permits.
var hostileName = "xss/" + strings.Repeat("a", 255)

func TestWhatStrangersWriteIsText(t *testing.T) {
	chromium(t)
	hub := hubtest.New(t)
	words := `</script><script>document.title='owned'</script><img src=x onerror="document.title='owned'"> "quoted" ` + "\u202eright to left\u202c مرحبا 😀"
	for i, name := range []string{"xss/plain", hostileName} {
		body, err := json.Marshal(map[string]any{
			"namespace": "xss", "name": strings.TrimPrefix(name, "xss/"), "pull_count": 12916987208 + i, "star_count": i, "description": words,
			"is_private": false, "date_registered": "2014-06-05T19:14:45Z", "last_updated": "2026-11-02T10:45:09.527174Z",
		})
		if err != nil {
			t.Fatal(err)
		}
		hub.SetBody(name, body)
	}
	site := small(t, hub, "xss/plain", hostileName)
	for name, v := range map[string]view{"desktop": desktop, "phone": phone} {
		t.Run(name, func(t *testing.T) {
			p := open(t, site, v)
			for _, path := range []string{"/", "/r/xss/plain", "/r/" + hostileName, "/status", "/?q=" + `%3Cscript%3Edocument.title%3D%27owned%27%3C%2Fscript%3E&range=%22%3E%3Cimg`} {
				p.visit(path)
				if title := eval[string](p, `document.title`); title == "owned" || p.count("img[src=x]") > 0 {
					t.Errorf("%s is owned", path)
				}
				if wide := eval[int64](p, `document.documentElement.scrollWidth`); wide > v.width {
					t.Errorf("%.40s is %d wide on %d", path, wide, v.width)
				}
				p.axe()
			}
			p.visit("/")
			if !strings.Contains(p.text("#table"), "</script>") {
				t.Error("the description is not shown as it is")
			}
			p.shot("overview")
		})
	}
}

func TestTheFirstMinuteSaysSomethingTrue(t *testing.T) {
	chromium(t)
	hub := hubtest.New(t)
	hub.Set("library/nginx", 12916987208)
	p := open(t, small(t, hub, "library/nginx"), desktop)
	p.visit("/")
	text := p.text("main")
	for _, want := range []string{"12.9", "pulltrail import", "a day"} {
		if !strings.Contains(text, want) {
			t.Errorf("the page does not say %q", want)
		}
	}
	p.axe()
	p.shot("page")
}

// small is a site that has taken one snapshot of repositories.
func small(t *testing.T, hub *hubtest.Hub, repositories ...string) string {
	t.Helper()
	cfg := config.Default()
	cfg.DataDir = t.TempDir()
	cfg.Collector.URL, cfg.Collector.Jitter, cfg.Collector.Rate = hub.URL, 0, 100
	cfg.Collector.Repositories = repositories
	site := daemon(t, cfg, app.Options{})
	eventually(t, "the first snapshots", func() bool {
		return strings.Count(get(t, site+"/api/v1/repositories"), `"snapshots":1`) == len(repositories)
	})
	return site
}

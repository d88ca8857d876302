//go:build integration

package browsertest

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// drawn is true once the script has drawn the chart.
const drawn = `document.querySelector('#chart.drawn-live canvas') !== null`

// query is a parameter of the address.
func (p *tab) query(name string) string {
	p.Helper()
	return eval[string](p, `new URLSearchParams(location.search).get('`+name+`') ?? ''`)
}

// names are the repositories of the table, in its order.
func (p *tab) names() string {
	p.Helper()
	return eval[string](p, `[...document.querySelectorAll('#table [data-repository]')].map(r => r.dataset.repository).join(' ')`)
}

func TestTheOverview(t *testing.T) {
	p := open(t, twoYears(t), desktop)
	p.visit("/")
	p.await(drawn)
	if n := p.count("#table [data-repository]"); n != 12 {
		t.Errorf("the table has %d repositories", n)
	}
	for _, id := range []string{"#number-pulls", "#number-total", "#number-stars", "#number-repositories"} {
		if text := p.text(id); !strings.ContainsAny(text, "0123456789") {
			t.Errorf("%s says %q", id, text)
		}
	}
	p.axe()
	p.shot("light")
	var total int64
	for _, n := range p.bytes {
		total += n
	}
	if total == 0 || total >= 200_000 {
		t.Errorf("the page weighs %d bytes: %v", total, p.bytes)
	}
}

func TestARangeIsChosenAndTheWayBackLeadsBack(t *testing.T) {
	p := open(t, twoYears(t), desktop)
	p.visit("/")
	p.await(drawn)
	before := eval[string](p, `document.querySelector('#chart .canvas').ariaLabel`)
	p.click("#range-90d")
	p.await(`location.search === '?range=90d' && document.querySelector('#range-90d').ariaCurrent === 'true'`)
	p.await(drawn)
	if after := eval[string](p, `document.querySelector('#chart .canvas').ariaLabel`); after == before {
		t.Errorf("the chart is still of %s", after)
	}
	p.click("#choose-stacked")
	p.await(`location.search.includes('view=stacked')`)
	p.await(drawn)
	p.shot("stacked")
	p.click("#choose-total")
	p.await(`location.search.includes('metric=total')`)
	p.await(drawn)
	p.shot("total")
	eval[bool](p, `history.go(-3); true`)
	p.await(`location.search === '' && document.querySelector('#range-30d').ariaCurrent === 'true'`)
}

func TestDraggingZoomsAndTwoClicksLeadBack(t *testing.T) {
	p := open(t, twoYears(t), desktop)
	p.visit("/?range=1y")
	p.await(drawn)
	box := eval[[]float64](p, `(r => [r.left, r.top, r.width, r.height])(document.querySelector('.u-over').getBoundingClientRect())`)
	y := box[1] + box[3]/2
	p.must(chromedp.DragAndDropXY(box[0]+box[2]/4, y, box[0]+box[2]/2, y))
	p.await(`location.search.includes('from=') && location.search.includes('to=')`)
	p.await(drawn)
	days := eval[float64](p, `(s => (Date.parse(s.get('to')) - Date.parse(s.get('from'))) / 864e5)(new URLSearchParams(location.search))`)
	if days < 85 || days > 98 { // a quarter of a year
		t.Errorf("a quarter of the chart is %v days", days)
	}
	p.shot("zoomed")
	p.must(chromedp.MouseClickXY(box[0]+box[2]/2, y, chromedp.ClickCount(2)))
	p.await(`!location.search.includes('from=')`)
}

func TestThePointerTellsTheDay(t *testing.T) {
	p := open(t, twoYears(t), desktop)
	p.visit("/")
	p.await(drawn)
	box := eval[[]float64](p, `(r => [r.left, r.top, r.width, r.height])(document.querySelector('.u-over').getBoundingClientRect())`)
	p.must(chromedp.MouseEvent(chromedp.MouseMoved, box[0]+box[2]*0.4, box[1]+box[3]/2))
	p.await(`!document.querySelector('.tip').hidden`)
	values := eval[[]float64](p, `[...document.querySelectorAll('.tip tr:not(:has(.all)) .n')].map(e => Number(e.textContent.replaceAll(',', '')))`)
	if len(values) < 8 {
		t.Errorf("the pointer tells %v", values)
	}
	for i := 1; i < len(values); i++ {
		if values[i] > values[i-1] {
			t.Errorf("it is not sorted: %v", values)
		}
	}
	p.shot("pointer")
}

func TestTheTableIsSortedSearchedGroupedAndSummedUp(t *testing.T) {
	p := open(t, twoYears(t), desktop)
	p.visit("/")
	p.await(drawn)
	before := p.names()
	column := eval[string](p, `[...document.querySelectorAll('#table thead a')].find(a => a.textContent.trim().startsWith('Stars')).id`)
	p.click("#" + column)
	p.await(`document.querySelector('#table [aria-sort]').textContent.includes('Stars')`)
	if p.query("sort") == "" || p.names() == before {
		t.Errorf("sorted by stars it is %s", p.names())
	}
	p.must(chromedp.SendKeys(chromedp.CSS("#search"), "pilot"))
	p.await(`location.search.includes('q=pilot') && document.querySelectorAll('#table [data-repository]').length === 1`)
	if p.names() != "demo-harbour/pilot" {
		t.Errorf("found %s", p.names())
	}
	p.visit("/?group=namespace")
	p.await(drawn)
	if n := p.count("#table tr.group"); n != 4 {
		t.Errorf("there are %d namespaces", n)
	}
	p.shot("namespaces")
	p.visit("/")
	p.await(drawn)
	p.click(`input[value="demo-harbour/pilot"]`)
	p.await(`location.search.includes('pick=')`)
	p.click(`input[value="demo-quarry/chisel"]`)
	p.await(`document.querySelector('#picked') !== null && new URLSearchParams(location.search).getAll('pick').length === 2`)
	p.shot("picked")
}

func TestTheLegendIsTheFilter(t *testing.T) {
	p := open(t, twoYears(t), desktop)
	p.visit("/")
	p.await(drawn)
	p.click(".legend button")
	p.await(`document.querySelector('.legend button').ariaPressed === 'false' && location.search.includes('hide=')`)
	p.shot("hidden")
	p.click(".legend button")
	p.await(`document.querySelector('.legend button').ariaPressed === 'true' && !location.search.includes('hide=')`)
}

func TestTheKeyboardIsEnough(t *testing.T) {
	p := open(t, twoYears(t), desktop)
	p.visit("/")
	p.await(drawn)
	p.press(kb.Tab)
	if got := eval[string](p, `document.activeElement.className`); got != "skip" {
		t.Errorf("the first stop is %q", got)
	}
	p.press("/")
	p.await(`document.activeElement.id === 'search'`)
	p.press("cellar" + kb.Enter)
	p.await(`document.querySelectorAll('#table [data-repository]').length === 1`)
	p.visit("/")
	p.await(drawn)
	for range 60 { // as often as it takes to come to the range
		p.press(kb.Tab)
		if eval[string](p, `document.activeElement.id`) == "range-7d" {
			break
		}
	}
	p.press(kb.Enter)
	p.await(`location.search === '?range=7d'`)
	p.await(drawn)
	if got := eval[string](p, `document.activeElement.id`); got != "range-7d" {
		t.Errorf("the focus has gone to %q", got)
	}
	for range 20 {
		p.press(kb.Tab)
		if eval[string](p, `document.activeElement.className`) == "canvas" {
			break
		}
	}
	p.press(kb.ArrowLeft + kb.ArrowLeft)
	p.await(`document.querySelector('[aria-live=polite].unseen').textContent.includes('demo-harbour/beacon')`)
	if eval[bool](p, `getComputedStyle(document.activeElement).outlineStyle === 'none'`) {
		t.Error("the focus cannot be seen")
	}
	p.shot("keys")
}

func TestWithoutAScriptEverythingIsThere(t *testing.T) {
	v := desktop
	v.noScript = true
	p := open(t, twoYears(t), v)
	p.visit("/?range=90d&sort=stars")
	if n := p.count("#chart .wide svg path"); n < 10 {
		t.Errorf("the server has drawn %d paths", n)
	}
	if p.count("#chart canvas") != 0 || p.count("#table [data-repository]") != 12 {
		t.Error("the page is not as the server has made it")
	}
	p.shot("page")
	p.click("#range-1y")
	p.must(chromedp.WaitVisible(chromedp.CSS(`#range-1y[aria-current=true]`)))
	if got := eval[string](p, `location.search`); !strings.Contains(got, "range=1y") || !strings.Contains(got, "sort=stars") {
		t.Errorf("the address is %s", got)
	}
}

func TestTheChoiceOfLightOrDarkIsKept(t *testing.T) {
	p := open(t, twoYears(t), desktop)
	p.visit("/")
	p.await(drawn)
	light := eval[string](p, `getComputedStyle(document.body).backgroundColor`)
	p.click("#theme") // light
	p.click("#theme") // dark
	p.await(`document.documentElement.dataset.theme === 'dark'`)
	if dark := eval[string](p, `getComputedStyle(document.body).backgroundColor`); dark == light {
		t.Errorf("dark is %s too", dark)
	}
	p.axe()
	p.visit("/status")
	p.await(`document.documentElement.dataset.theme === 'dark'`)
}

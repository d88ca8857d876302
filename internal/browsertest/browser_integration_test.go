//go:build integration

package browsertest

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience bounds what one test does in the browser, and waiting one wait; what it waits for
// comes in milliseconds, unless the machine is busy.
const patience, waiting = 5 * time.Minute, time.Minute

// chromium is the program; the test is skipped where there is none.
func chromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("PULLTRAIL_TEST_CHROMIUM"); path != "" {
		return path
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("there is no Chromium: install Debian's chromium, or name the program in PULLTRAIL_TEST_CHROMIUM")
	}
	return path
}

// view is how a page is looked at.
type view struct {
	width, height int64
	dark          bool
	noScript      bool
	// provoked are parts of the messages of the browser that the test provokes.
	provoked []string
}

var (
	desktop = view{width: 1280, height: 900}
	phone   = view{width: 390, height: 844}
)

// tab is a browser's tab on one site. At the end of the test it fails where something
// was wrong with any page: an error on the console, a foreign request.
type tab struct {
	*testing.T
	ctx  context.Context
	base string
	view view

	mu     sync.Mutex
	wrongs []string
	bytes  map[string]int64 // what each address weighed on the wire
	asked  map[network.RequestID]string
}

// open starts a browser of its own: nothing is left over from another test.
func open(t *testing.T, base string, v view) *tab {
	t.Helper()
	opts := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(chromium(t)), chromedp.NoSandbox, chromedp.WSURLReadTimeout(waiting),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-sync", true),
		chromedp.UserDataDir(t.TempDir()),
	)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	ctx, stop := chromedp.NewExecAllocator(ctx, opts...)
	ctx, leave := chromedp.NewContext(ctx)
	p := &tab{T: t, ctx: ctx, base: base, view: v, bytes: map[string]int64{}, asked: map[network.RequestID]string{}}
	t.Cleanup(func() {
		leave()
		stop()
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		for _, w := range p.wrongs {
			t.Error(w)
		}
	})
	p.must(chromedp.EmulateViewport(v.width, v.height))
	call(p, network.Enable, network.EnableParams{})
	if err := chromedp.Listen(ctx, p.watch); err != nil {
		t.Fatal(err)
	}
	scheme := "light"
	if v.dark {
		scheme = "dark"
	}
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	call(p, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: "America/New_York"})
	if v.noScript {
		call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	}
	return p
}

// watch takes note of what must not happen.
func (p *tab) watch(event any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		p.wrong("an exception: %s %v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception)
	case *runtime.EventConsoleAPICalled:
		if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
			p.wrong("console.%s: %s", e.Type, e.Args[0].Value)
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == log.EntryLevelError || e.Entry.Level == log.EntryLevelWarning {
			p.wrong("the browser's log: %s %s", e.Entry.Text, e.Entry.URL)
		}
	case *network.EventRequestWillBeSent:
		p.asked[e.RequestID] = e.Request.URL
		if u, err := url.Parse(e.Request.URL); err != nil || u.Scheme != "data" && "http://"+u.Host != p.base {
			p.wrong("a foreign request: %s", e.Request.URL)
		}
	case *network.EventLoadingFinished:
		p.bytes[p.asked[e.RequestID]] = int64(e.EncodedDataLength)
	}
}

func (p *tab) wrong(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for _, part := range p.view.provoked {
		if strings.Contains(text, part) {
			return
		}
	}
	p.wrongs = append(p.wrongs, text)
}

func (p *tab) must(actions ...chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, actions...); err != nil {
		p.Fatal(err)
	}
}

// visit goes to a path of the site and waits until it has loaded.
func (p *tab) visit(path string) {
	p.Helper()
	p.must(chromedp.Navigate(p.base + path))
}

// eval is the value of an expression in the page.
func eval[T any](p *tab, expression string) T {
	p.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		p.Fatalf("%s: %v", expression, err)
	}
	return v
}

// await waits until an expression is true in the page, also in the one that comes when
// this one is left.
func (p *tab) await(expression string) {
	p.Helper()
	var err error
	for deadline := time.Now().Add(waiting); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var done bool
		if done, err = chromedp.Run(p.ctx, chromedp.Evaluate[bool](expression)); done && err == nil {
			return
		}
	}
	p.shot("stuck")
	p.Fatalf("it does not come true: %s (%v)", expression, err)
}

// text is that of the first element that a selector finds.
func (p *tab) text(selector string) string {
	p.Helper()
	return eval[string](p, fmt.Sprintf("(document.querySelector(%q) || {textContent: '(nothing)'}).textContent.trim()", selector))
}

func (p *tab) count(selector string) int {
	p.Helper()
	return eval[int](p, fmt.Sprintf("document.querySelectorAll(%q).length", selector))
}

func (p *tab) click(selector string) {
	p.Helper()
	p.must(chromedp.Click(chromedp.CSS(selector)))
}

// press sends keys to whatever has the focus.
func (p *tab) press(keys string) {
	p.Helper()
	p.must(chromedp.KeyEvent(keys))
}

// shot writes a picture of the whole page, where somebody wants to look at it.
func (p *tab) shot(name string) {
	p.Helper()
	folder := os.Getenv("PULLTRAIL_TEST_SCREENSHOTS")
	if folder == "" {
		return
	}
	picture, err := chromedp.Run(p.ctx, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.MkdirAll(folder, 0o755)
	}
	if err == nil {
		name = strings.ReplaceAll(p.Name()+"-"+name, "/", "-")
		err = os.WriteFile(filepath.Join(folder, name+".png"), picture, 0o644)
	}
	if err != nil {
		p.Errorf("the picture %s: %v", name, err)
	}
}

func call[P, R any](p *tab, command cdp.Command[P, R], params P) {
	p.Helper()
	if _, err := chromedp.Call(p.ctx, command, params); err != nil {
		p.Fatal(err)
	}
}

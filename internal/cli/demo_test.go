package cli_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pulltrail/internal/cli"
)

// user is somebody with a configuration, in a directory and in the environment, that
// names neighbours of theirs: every one of them is neighbour.
type user struct {
	dir, temp string
	env       []string
	neighbour *httptest.Server
	asked     atomic.Int64 // how many connections the neighbour has had
}

func newUser(t *testing.T) *user {
	t.Helper()
	u := &user{dir: t.TempDir()}
	var err error
	if u.temp, err = os.MkdirTemp("", "user-"); err != nil { // t.TempDir is too long for a socket in it
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(u.temp) })
	u.neighbour = httptest.NewUnstartedServer(http.NotFoundHandler())
	u.neighbour.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			u.asked.Add(1)
		}
	}
	u.neighbour.Start()
	t.Cleanup(u.neighbour.Close)
	host := strings.TrimPrefix(u.neighbour.URL, "http://")
	u.env = append(os.Environ(), "TMPDIR="+u.temp, "HTTP_PROXY="+u.neighbour.URL,
		"PULLTRAIL_INDEXER_OPENSEARCH_URLS="+u.neighbour.URL, "PULLTRAIL_COLLECTOR_URL="+u.neighbour.URL, "PULLTRAIL_MQTT_URL=mqtt://"+host)
	file := "data_dir: mine\nindexer:\n  opensearch:\n    urls: [" + u.neighbour.URL + "]\n"
	if err := os.WriteFile(filepath.Join(u.dir, "config.yaml"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	return u
}

// command is the program, which is this test binary by another name: see TestMain.
func (u *user) command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.CommandContext(t.Context(), self)
	c.Args, c.Dir, c.Env = append([]string{"pulltrail"}, args...), u.dir, u.env
	return c
}

// left is what lies in the user's directories.
func (u *user) left(t *testing.T) []string {
	t.Helper()
	var names []string
	for _, dir := range []string{u.dir, u.temp} {
		entries, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
	}
	return names
}

// started is a demo that serves its page.
type started struct {
	*exec.Cmd
	url, line string
	stderr    bytes.Buffer
}

func (u *user) start(t *testing.T, args ...string) *started {
	t.Helper()
	s := &started{Cmd: u.command(t, append([]string{"demo"}, args...)...)}
	s.Stderr = &s.stderr
	out, err := s.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	if s.line, err = bufio.NewReader(out).ReadString('\n'); err != nil {
		t.Fatalf("%v: %v, %s", err, s.Wait(), &s.stderr)
	}
	s.url = regexp.MustCompile(`http://[0-9.]+:[0-9]+`).FindString(s.line)
	return s
}

// end sends the signal and waits for a good end.
func (s *started) end(t *testing.T, signal os.Signal) {
	t.Helper()
	if err := s.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	if err := s.Wait(); err != nil {
		t.Errorf("after %v: %v, %s", signal, err, &s.stderr)
	}
}

func (s *started) get(t *testing.T, path string, into any) string {
	t.Helper()
	response, err := http.Get(s.url + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(body, into); err != nil {
			t.Fatalf("%s: %v: %s", path, err, body)
		}
	}
	return string(body)
}

func TestADemoShowsTwoYearsSendsNothingAndLeavesNothing(t *testing.T) {
	u := newUser(t)
	before := time.Now().Add(-time.Minute)
	s := u.start(t, "--listen", "127.0.0.1:0")
	if !regexp.MustCompile(`^Demo: simulated numbers, at http://127.0.0.1:\d+ – Ctrl-C ends it and leaves nothing behind.\n$`).MatchString(s.line) {
		t.Errorf("it says %q", s.line)
	}
	for _, path := range []string{"/", "/nothing"} {
		if page := s.get(t, path, nil); !strings.Contains(page, `<p class="demo" role="note">This is a demo`) {
			t.Errorf("%s has no label: %s", path, page)
		}
	}
	var daily struct{ Days []struct{ Gap bool } }
	s.get(t, "/api/v1/repositories/demo-harbour/beacon/daily", &daily)
	gaps := 0
	for _, d := range daily.Days {
		if d.Gap {
			gaps++
		}
	}
	if len(daily.Days) < 729 || gaps < 9 || gaps > 10 {
		t.Errorf("%d days, %d of them in a gap", len(daily.Days), gaps)
	}
	awaitPoll(t, s, before)
	if s.end(t, os.Interrupt); s.stderr.Len() > 0 {
		t.Errorf("it complained: %s", &s.stderr)
	}
	if n := u.asked.Load(); n != 0 {
		t.Errorf("the user's neighbours were asked %d times", n)
	}
	if left := u.left(t); len(left) != 1 {
		t.Errorf("beside config.yaml there is %v", left)
	}
	// That neighbour is one that Pulltrail would ask.
	check := u.command(t, "check", "--connect")
	check.Env = append(check.Env, "PULLTRAIL_MQTT_URL=", "PULLTRAIL_MQTT_EMBEDDED_LISTEN=127.0.0.1:0") // it would wait long for an answer in MQTT
	if out, err := check.CombinedOutput(); err == nil || u.asked.Load() == 0 {
		t.Errorf("the check asked %d times: %v, %s", u.asked.Load(), err, out)
	}
}

// awaitPoll waits until what was polled after a time is on show.
func awaitPoll(t *testing.T, s *started, after time.Time) {
	t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		var list struct {
			Repositories []struct {
				Namespace, Name string
				Timestamp, Slot time.Time
				Gone            bool
			}
		}
		body := s.get(t, "/api/v1/repositories", &list)
		polled, gone := 0, 0
		for _, r := range list.Repositories {
			if r.Gone {
				gone++
			} else if r.Slot.After(after) {
				polled++
			}
		}
		if polled == 11 && gone == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d polled, %d gone: %s", polled, gone, body)
		}
	}
}

func TestADemoTakesAFreePortBesideADaemon(t *testing.T) {
	u := newUser(t)
	taken := strings.TrimPrefix(u.neighbour.URL, "http://")
	s := u.start(t, "--listen", taken, "--data-dir", "kept")
	if strings.Contains(s.url, taken) || !strings.Contains(s.get(t, "/", nil), "demo-harbour") {
		t.Errorf("it is at %s", s.url)
	}
	s.end(t, syscall.SIGTERM)
	if !strings.Contains(s.stderr.String(), taken+" is in use") || !strings.Contains(s.line, "keeps it all in kept") {
		t.Errorf("it says %q and %q", s.line, s.stderr.String())
	}
	if left := u.left(t); len(left) != 2 {
		t.Errorf("there is %v, where config.yaml and kept should be", left)
	}
	if n := u.asked.Load(); n != 0 {
		t.Errorf("the user's neighbours were asked %d times", n)
	}
}

func TestADemoThatEndsLeavesNothingRunning(t *testing.T) {
	temp := newUser(t).temp
	t.Setenv("TMPDIR", temp)
	leaks := goleak.IgnoreCurrent()
	for name, begin := range map[string]func(context.CancelFunc, io.Reader){
		"before it has begun": func(stop context.CancelFunc, _ io.Reader) { stop() },
		"as soon as it serves": func(stop context.CancelFunc, out io.Reader) {
			_, _ = bufio.NewReader(out).ReadString('\n') // it then says how it ended
			stop()
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, stop := context.WithCancel(t.Context())
			out, in := io.Pipe()
			code := make(chan int, 1)
			go func() {
				code <- cli.Main(ctx, cli.Process{Args: []string{"demo", "--listen", "127.0.0.1:0"}, Stdout: in, Stderr: t.Output()})
				in.Close()
			}()
			begin(stop, out)
			if got := <-code; got != 0 {
				t.Errorf("exit code %d", got)
			}
			if entries, err := os.ReadDir(temp); err != nil || len(entries) != 0 {
				t.Errorf("left %v, %v", entries, err)
			}
			goleak.VerifyNone(t, leaks)
		})
	}
}

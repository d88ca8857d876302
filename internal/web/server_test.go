package web

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"pulltrail/internal/secret"
)

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })

// serve starts a server on a free port; stop ends it and gives Serve's error.
func serve(t *testing.T, s *Server) (url string, stop func() error) {
	t.Helper()
	if err := s.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	stopped := false
	stop = func() error {
		if stopped {
			return nil
		}
		stopped = true
		cancel()
		return <-ended
	}
	t.Cleanup(func() { _ = stop() })
	return "http://" + s.Addr().String(), stop
}

// client keeps no connections, which goleak would find.
func client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
}

func get(t *testing.T, url string) (*http.Response, string) {
	t.Helper()
	response, err := client().Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestServesFromListenUntilItsContextIsDone(t *testing.T) {
	var log logged
	s := New(Config{Listen: "127.0.0.1:0"}, hello, log.logger())
	if s.Addr() != nil {
		t.Errorf("there is an address before Listen: %v", s.Addr())
	}
	url, stop := serve(t, s)
	if _, body := get(t, url); body != "hello" {
		t.Errorf("got %q", body)
	}
	if err := stop(); err != nil {
		t.Errorf("Serve after a stop: %v", err)
	}
	if _, err := client().Get(url); err == nil {
		t.Error("it still answers after the stop")
	}
	if err := s.Close(); err != nil {
		t.Errorf("Close after Serve: %v", err)
	}
	if lines := log.lines(); len(lines) > 0 {
		t.Errorf("an ordinary life was logged: %q", lines)
	}
}

func TestAStopLetsARequestFinish(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	s := New(Config{Listen: "127.0.0.1:0"}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-finish
		if r.Context().Err() != nil {
			t.Error("the stop cancelled the request")
		}
		_, _ = io.WriteString(w, "whole")
	}), new(logged).logger())
	url, stop := serve(t, s)
	answer := make(chan string, 1)
	go func() {
		_, body := get(t, url)
		answer <- body
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	untilRefused(t, s.Addr().String())
	close(finish)
	if body := <-answer; body != "whole" {
		t.Errorf("got %q", body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// untilRefused waits until the stop has begun: nothing listens any more.
func untilRefused(t *testing.T, addr string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return
		}
		_ = c.Close()
	}
	t.Fatal("it still listens")
}

func TestAStopCutsOffARequestThatDoesNotEnd(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	s := New(Config{Listen: "127.0.0.1:0"}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(left)
	}), new(logged).logger())
	s.patience = time.Millisecond
	url, stop := serve(t, s)
	var asking sync.WaitGroup
	asking.Go(func() {
		if response, err := client().Get(url); err == nil { // the end of the answer, or of the connection
			_ = response.Body.Close()
		}
	})
	<-entered
	if err := stop(); err != nil {
		t.Error(err)
	}
	<-left
	asking.Wait()
}

func TestAPortInUseIsNamedWithTheRemedy(t *testing.T) {
	first := New(Config{Listen: "127.0.0.1:0"}, hello, new(logged).logger())
	if err := first.Listen(); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(first.Addr().String())
	err := New(Config{Listen: "127.0.0.1:" + port}, hello, new(logged).logger()).Listen()
	if err == nil || !strings.Contains(err.Error(), "port "+port) || !strings.Contains(err.Error(), "set web.listen") {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Errorf("Close twice: %v", err)
	}
	again := New(Config{Listen: "127.0.0.1:" + port}, hello, new(logged).logger())
	if err := again.Listen(); err != nil {
		t.Errorf("the closed server still has its port: %v", err)
	}
	_ = again.Close()
}

func TestAnImpossibleAddressIsNamedWithTheRemedy(t *testing.T) {
	for _, listen := range []string{"nonsense", "192.0.2.1:0", "127.0.0.1:99999"} {
		err := New(Config{Listen: listen}, hello, new(logged).logger()).Listen()
		if err == nil || !strings.HasPrefix(err.Error(), "web.listen: ") || !strings.Contains(err.Error(), listen) {
			t.Errorf("listen %q: got %v", listen, err)
		}
	}
}

func TestTheBoundAddressDecidesWhoMayReachIt(t *testing.T) {
	elsewhere := func(net.Addr) bool { return false } // only loopback is there in a test
	s := New(Config{Listen: "127.0.0.1:0"}, hello, new(logged).logger())
	s.local = elsewhere
	if err := s.Listen(); err == nil || !strings.Contains(err.Error(), "web.listen") || s.Addr() != nil {
		t.Errorf("without a user and not public: %v", err)
	}
	s = New(Config{Listen: "127.0.0.1:0", Public: true}, hello, new(logged).logger())
	s.local = elsewhere
	url, _ := serve(t, s)
	for host, method := range map[string]string{"pulltrail.example": http.MethodGet, "": http.MethodPost} {
		r, err := http.NewRequest(method, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = host
		response, err := client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if want := map[string]int{http.MethodGet: 200, http.MethodPost: 403}[method]; response.StatusCode != want ||
			response.Header.Get("Content-Security-Policy") == "" {
			t.Errorf("%s %s: %d %v", method, host, response.StatusCode, response.Header)
		}
	}
}

func TestAUserIsAskedForAndAnUnreadableHashStopsTheStart(t *testing.T) {
	cfg := Config{Listen: "127.0.0.1:0", Username: "me", PasswordHash: secret.New("hunter2")}
	err := New(cfg, hello, new(logged).logger()).Listen()
	if err == nil || !strings.Contains(err.Error(), "web.password_hash") || !strings.Contains(err.Error(), "pulltrail hash-password") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
	cfg.PasswordHash = secret.New(someHash) // of U*U
	url, _ := serve(t, New(cfg, hello, new(logged).logger()))
	if response, body := get(t, url); response.StatusCode != 401 || body == "hello" || response.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("got %d %s %v", response.StatusCode, body, response.Header)
	}
	if response, body := get(t, strings.Replace(url, "://", "://me:U*U@", 1)); response.StatusCode != 200 || body != "hello" {
		t.Errorf("got %d %s", response.StatusCode, body)
	}
}

func TestServeSaysWhenItCannot(t *testing.T) {
	s := New(Config{Listen: "127.0.0.1:0"}, hello, new(logged).logger())
	if err := s.Serve(t.Context()); err == nil {
		t.Error("Serve before Listen gave no error")
	}
	if err := errors.Join(s.Close(), s.Listen(), s.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve on a closed listener: %v", err)
	}
}

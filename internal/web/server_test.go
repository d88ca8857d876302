package web

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"pulltrail/internal/secret"
)

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })

// listen is a server on a free port.
func listen(t *testing.T, log *logged) *Server {
	t.Helper()
	s, err := Listen("127.0.0.1:0", log.logger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// made is a site of a server of its own.
func made(t *testing.T, cfg Config, handler http.Handler, log *logged) (*Server, *Site) {
	t.Helper()
	server := listen(t, log)
	site, err := server.Site(cfg, handler)
	if err != nil {
		t.Fatal(err)
	}
	return server, site
}

// serve shows a site; stop ends it, and the server, and gives their errors.
func serve(t *testing.T, server *Server, site *Site) (url string, stop func() error) {
	t.Helper()
	end := []func() error{begin(t, server.Serve), begin(t, site.Run)}
	stop = func() error { return errors.Join(end[1](), end[0]()) }
	t.Cleanup(func() { _ = stop() })
	return "http://" + server.Addr().String(), stop
}

// begin runs something that end ends, once.
func begin(t *testing.T, run func(context.Context) error) (end func() error) {
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	return sync.OnceValue(func() error {
		cancel()
		return <-ended
	})
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

func TestServesUntilItsContextIsDone(t *testing.T) {
	var log logged
	server, site := made(t, Config{}, hello, &log)
	url, stop := serve(t, server, site)
	if _, body := get(t, url); body != "hello" {
		t.Errorf("got %q", body)
	}
	if err := stop(); err != nil {
		t.Errorf("after a stop: %v", err)
	}
	if _, err := client().Get(url); err == nil {
		t.Error("it still answers after the stop")
	}
	if err := server.Close(); err != nil {
		t.Errorf("Close after Serve: %v", err)
	}
	if lines := log.lines(); len(lines) > 0 {
		t.Errorf("an ordinary life was logged: %q", lines)
	}
}

func TestAStopLetsARequestFinish(t *testing.T) {
	entered, finish := make(chan struct{}), make(chan struct{})
	server, site := made(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-finish
		if r.Context().Err() != nil {
			t.Error("the stop cancelled the request")
		}
		_, _ = io.WriteString(w, "whole")
	}), new(logged))
	url, stop := serve(t, server, site)
	answer := make(chan string, 1)
	go func() {
		_, body := get(t, url)
		answer <- body
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- stop() }()
	untilEmpty(t, server)
	close(finish)
	if body := <-answer; body != "whole" {
		t.Errorf("got %q", body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// untilEmpty waits until the stop of the site has begun.
func untilEmpty(t *testing.T, server *Server) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		server.sites.mu.Lock()
		site := server.sites.site
		server.sites.mu.Unlock()
		if site == nil {
			return
		}
	}
	t.Fatal("the site is still there")
}

// One that waits for its context, and one that writes to somebody who does not read.
func TestAStopCutsOffARequestThatDoesNotEnd(t *testing.T) {
	handlers := map[string]http.HandlerFunc{
		"waits": func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"writes": func(w http.ResponseWriter, _ *http.Request) {
			for writeMore(w) {
			}
		},
	}
	for name, handler := range handlers {
		t.Run(name, func(t *testing.T) {
			entered, left := make(chan struct{}), make(chan struct{})
			var log logged
			server, site := made(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(entered)
				handler(w, r)
				close(left)
			}), &log)
			site.patience = time.Millisecond
			_, stop := serve(t, server, site)
			conn, err := net.Dial("tcp", server.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\nHost: localhost\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			<-entered
			if err := stop(); err != nil {
				t.Error(err)
			}
			<-left
			if lines := log.lines(); len(lines) != 1 || !strings.Contains(lines[0], "cut off") {
				t.Errorf("logged %q", lines)
			}
		})
	}
}

func writeMore(w io.Writer) bool {
	_, err := w.Write(make([]byte, 1<<16))
	return err == nil
}

func TestAPortInUseIsNamedWithTheRemedy(t *testing.T) {
	first := listen(t, new(logged))
	_, port, _ := net.SplitHostPort(first.Addr().String())
	_, err := Listen("127.0.0.1:"+port, new(logged).logger())
	if err == nil || !strings.Contains(err.Error(), "port "+port) || !strings.Contains(err.Error(), "set web.listen") {
		t.Errorf("got %v", err)
	}
	if err := errors.Join(first.Close(), first.Close()); err != nil {
		t.Errorf("Close twice: %v", err)
	}
	again, err := Listen("127.0.0.1:"+port, new(logged).logger())
	if err != nil {
		t.Fatalf("the closed server still has its port: %v", err)
	}
	_ = again.Close()
}

func TestAnImpossibleAddressIsNamedWithTheRemedy(t *testing.T) {
	for _, address := range []string{"nonsense", "192.0.2.1:0", "127.0.0.1:99999"} {
		_, err := Listen(address, new(logged).logger())
		if err == nil || !strings.HasPrefix(err.Error(), "web.listen: ") || !strings.Contains(err.Error(), address) {
			t.Errorf("listen %q: got %v", address, err)
		}
	}
}

// Nobody is refused or cut off while sites take turns, on connections that last or not.
func TestSitesTakeTurns(t *testing.T) {
	server := listen(t, new(logged))
	stop := begin(t, server.Serve)
	lasting := &http.Client{Transport: &http.Transport{}}
	defer lasting.CloseIdleConnections()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var asking sync.WaitGroup
	for _, c := range []*http.Client{client(), client(), lasting, lasting} {
		asking.Go(func() {
			for ctx.Err() == nil {
				response, err := c.Get("http://" + server.Addr().String())
				if err != nil {
					t.Error(err)
					return
				}
				_, _ = io.Copy(io.Discard, response.Body)
				_ = response.Body.Close()
				if response.StatusCode != http.StatusOK {
					t.Error(response.Status)
				}
			}
		})
	}
	for n := range 51 {
		answered := make(chan struct{})
		first := sync.OnceFunc(func() { close(answered) })
		site, err := server.Site(Config{}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			first()
			hello(w, r)
		}))
		if err != nil {
			t.Fatal(err)
		}
		end := begin(t, site.Run)
		<-answered
		if n == 50 { // they are answered for the last time
			cancel()
			asking.Wait()
		}
		if err := end(); err != nil {
			t.Error(err)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestWhoWaitsForASiteIsToldWhenNoneComes(t *testing.T) {
	server := listen(t, new(logged))
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // as a stop does
	answer := httptest.NewRecorder()
	server.sites.ServeHTTP(answer, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
	if answer.Code != http.StatusServiceUnavailable || answer.Header().Get("Retry-After") == "" {
		t.Errorf("got %d %v", answer.Code, answer.Header())
	}
}

func TestTheBoundAddressDecidesWhoMayReachIt(t *testing.T) {
	const elsewhere = false // only loopback is there in a test
	server := listen(t, new(logged))
	if _, err := server.site(Config{}, hello, elsewhere); err == nil || !strings.Contains(err.Error(), "web.listen") {
		t.Errorf("without a user and not public: %v", err)
	}
	site, err := server.site(Config{Public: true}, hello, elsewhere)
	if err != nil {
		t.Fatal(err)
	}
	url, _ := serve(t, server, site)
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
	cfg := Config{Username: "me", PasswordHash: secret.New("hunter2")}
	_, err := listen(t, new(logged)).Site(cfg, hello)
	if err == nil || !strings.Contains(err.Error(), "web.password_hash") || !strings.Contains(err.Error(), "pulltrail hash-password") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v", err)
	}
	cfg.PasswordHash = secret.New(someHash) // of U*U
	server, site := made(t, cfg, hello, new(logged))
	url, _ := serve(t, server, site)
	if response, body := get(t, url); response.StatusCode != 401 || body == "hello" || response.Header.Get("Content-Security-Policy") == "" {
		t.Errorf("got %d %s %v", response.StatusCode, body, response.Header)
	}
	if response, body := get(t, strings.Replace(url, "://", "://me:U*U@", 1)); response.StatusCode != 200 || body != "hello" {
		t.Errorf("got %d %s", response.StatusCode, body)
	}
}

func TestServeSaysWhenItCannot(t *testing.T) {
	server := listen(t, new(logged))
	if err := errors.Join(server.Close(), server.Close()); err != nil {
		t.Fatal(err)
	}
	if err := server.Serve(t.Context()); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Serve on a closed listener: %v", err)
	}
}

package web

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func ask(h http.Handler, host string) *httptest.ResponseRecorder {
	w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/some/path", nil)
	r.Host = host
	h.ServeHTTP(w, r)
	return w
}

func TestALoopbackServerAnswersLocalNamesOnly(t *testing.T) {
	guarded := guard(hello, true, new(logged).logger())
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "LocalHost:1": 200,
		"127.0.0.1": 200, "127.0.0.1:8080": 200, "127.8.9.10:80": 200, "[::1]": 200, "[::1]:8080": 200,

		"": 421, "evil.example": 421, "evil.example:8080": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421,
		"evil.example:127.0.0.1": 421, "192.168.1.2:8080": 421, "0.0.0.0:8080": 421, "[::]:8080": 421, "localhost@evil.example": 421,
		"127.0.0.1\x00.evil.example": 421, "[::1].evil.example": 421, "127.1": 421,
	} {
		if got := ask(guarded, host); got.Code != want {
			t.Errorf("Host %q: got %d, want %d", host, got.Code, want)
		} else if want == 421 && (strings.Contains(got.Body.String(), "hello") || !strings.Contains(got.Body.String(), "web.listen")) {
			t.Errorf("Host %q: the refusal says %q", host, got.Body)
		}
	}
}

func TestAServerInTheNetworkAnswersEveryName(t *testing.T) {
	if got := ask(guard(hello, false, new(logged).logger()), "stats.example"); got.Code != http.StatusOK {
		t.Errorf("got %d", got.Code)
	}
	for addr, want := range map[string]bool{"127.0.0.1": true, "127.9.9.9": true, "::1": true, "0.0.0.0": false, "::": false, "192.0.2.1": false} {
		if got := isLoopback(&net.TCPAddr{IP: net.ParseIP(addr)}); got != want {
			t.Errorf("isLoopback(%s) = %v", addr, got)
		}
	}
}

func TestEveryAnswerHasTheSecurityHeaders(t *testing.T) {
	panics := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("no") })
	for name, got := range map[string]*httptest.ResponseRecorder{
		"an answer":       ask(guard(hello, true, new(logged).logger()), "localhost"),
		"a refused host":  ask(guard(hello, true, new(logged).logger()), "evil.example"),
		"a caught panic":  ask(guard(panics, true, new(logged).logger()), "localhost"),
		"a missing thing": ask(guard(http.NotFoundHandler(), false, new(logged).logger()), "any.example"),
	} {
		h := got.Header()
		if h.Get("Content-Security-Policy") != contentSecurityPolicy || h.Get("X-Content-Type-Options") != "nosniff" ||
			h.Get("Referrer-Policy") != "no-referrer" || h.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s has the headers %v", name, h)
		}
	}
}

func TestAPanicIsOneRecordAndA500(t *testing.T) {
	var log logged
	server, site := made(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"x"`)
		panic("the cause")
	}), &log)
	url, _ := serve(t, server, site)
	response, body := get(t, url+"/some/path")
	if response.StatusCode != http.StatusInternalServerError || strings.Contains(body, "the cause") || response.Header.Get("ETag") != "" {
		t.Errorf("got %d %q %v", response.StatusCode, body, response.Header)
	}
	lines := log.lines()
	if len(lines) != 1 || !strings.Contains(lines[0], "the cause") || !strings.Contains(lines[0], "/some/path") || !strings.Contains(lines[0], "guard_test.go") {
		t.Errorf("logged %q", lines)
	}
}

func TestAPanicInTheMiddleBreaksTheAnswerOff(t *testing.T) {
	var log logged
	server, site := made(t, Config{}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic("the cause")
	}), &log)
	url, _ := serve(t, server, site)
	response, err := client().Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	if _, err := io.ReadAll(response.Body); err == nil {
		t.Error("half an answer looks like a whole one")
	}
	if lines := log.lines(); len(lines) != 1 {
		t.Errorf("logged %q", lines)
	}
}

func TestAnAbortedAnswerIsNotLogged(t *testing.T) {
	var log logged
	server, site := made(t, Config{}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		panic(http.ErrAbortHandler)
	}), &log)
	url, _ := serve(t, server, site)
	if response, err := client().Get(url); err == nil {
		_ = response.Body.Close()
		t.Error("there is an answer")
	}
	if lines := log.lines(); len(lines) != 0 {
		t.Errorf("logged %q", lines)
	}
}

package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestWhereTheDaemonIsAsked(t *testing.T) {
	for listen, want := range map[string]string{
		":8080":            "127.0.0.1:8080",
		"0.0.0.0:8080":     "127.0.0.1:8080",
		"[::]:8080":        "[::1]:8080",
		"127.0.0.1:8080":   "127.0.0.1:8080",
		"[::1]:8080":       "[::1]:8080",
		"192.0.2.7:80":     "192.0.2.7:80",
		"pulls.local:8080": "pulls.local:8080",
	} {
		if got, err := dialable(listen); got != want || err != nil {
			t.Errorf("%s: got %s, %v", listen, got, err)
		}
	}
	if _, err := dialable("127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "--url") {
		t.Errorf("a port that nobody knows: %v", err)
	}
}

func TestOnlyAHealthyDaemonIsHealthy(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   string // in the error; empty for none
	}{
		"that says so": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"healthy": true}`)) }, ""},
		"that does not say so": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"healthy": false}`)) },
			"does not answer as Pulltrail does"},
		"of another program": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) },
			"does not answer as Pulltrail does"},
		"that fails":        {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "500"},
		"that is elsewhere": {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/other", http.StatusFound) }, "302"},
	} {
		t.Run(name, func(t *testing.T) {
			var asked *http.Request
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { asked = r; c.answer(w, r) }))
			defer server.Close()
			err := askHealth(t.Context(), server.URL, "localhost")
			if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("got %v, want %q", err, c.want)
			}
			if asked.URL.Path != "/-/healthy" || asked.Host != "localhost" {
				t.Errorf("asked %s%s", asked.Host, asked.URL)
			}
		})
	}
}

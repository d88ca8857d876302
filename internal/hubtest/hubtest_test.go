package hubtest

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pulltrail/internal/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// get returns status, header and body of an answer.
func get(t *testing.T, url string) (int, http.Header, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	request.Header.Set("User-Agent", "tester/1")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close() //nolint:errcheck // it was read
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, string(body)
}

func TestASetRepositoryHasAFullAnswer(t *testing.T) {
	h := New(t)
	h.Set("library/nginx", 12916987208)
	status, header, body := get(t, h.URL+"/v2/repositories/library/nginx/")
	fields, err := hub.ParseObject([]byte(body))
	if err != nil || len(fields) != 26 || status != http.StatusOK {
		t.Fatalf("%d with %d fields, %v", status, len(fields), err)
	}
	s, err := hub.Decode([]byte(body), time.Now(), time.Now())
	if err != nil || s.String() != "library/nginx" || s.PullCount != 12916987208 {
		t.Errorf("%+v, %v", s, err)
	}
	for _, name := range []string{"x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "Date"} {
		if header.Get(name) == "" {
			t.Errorf("no header %s", name)
		}
	}
	if h.Requests() != 1 || h.RequestsFor("library/nginx") != 1 || h.MaxConcurrent() != 1 || h.UserAgent() != "tester/1" {
		t.Errorf("counted %d, %d, %d, %q", h.Requests(), h.RequestsFor("library/nginx"), h.MaxConcurrent(), h.UserAgent())
	}
}

func TestAnotherRepositoryIsAbsentAndAFaultEnds(t *testing.T) {
	h := New(t)
	for _, path := range []string{"/v2/repositories/a/b", "/v2/elsewhere"} {
		if status, _, body := get(t, h.URL+path); status != http.StatusNotFound || !strings.Contains(body, "object not found") {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	h.Set("a/b", 1)
	h.Fail("a/b", RateLimited)
	if status, header, _ := get(t, h.URL+"/v2/repositories/a/b"); status != http.StatusTooManyRequests ||
		header.Get("Retry-After") != "60" || header.Get("x-ratelimit-remaining") != "0" {
		t.Errorf("%d %v", status, header)
	}
	h.Fail("a/b", nil)
	if status, _, _ := get(t, h.URL+"/v2/repositories/a/b"); status != http.StatusOK {
		t.Errorf("after the fault: %d", status)
	}
}

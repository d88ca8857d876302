package reply

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func ask(method, tag, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "/", nil)
	r.Header.Set("If-None-Match", tag)
	r.Header.Set("Range", "bytes=0-1")
	w := httptest.NewRecorder()
	Whole(w, r, "text/plain", []byte(body))
	return w
}

func TestAReaderThatHasTheBodyIsToldSo(t *testing.T) {
	first := ask(http.MethodGet, "", "hello")
	h := first.Header()
	if first.Code != http.StatusOK || first.Body.String() != "hello" || h.Get("Content-Type") != "text/plain" ||
		h.Get("Cache-Control") != "private, no-cache" || h.Get("Vary") != "Authorization" {
		t.Errorf("got %d %v %q", first.Code, h, first.Body)
	}
	if again := ask(http.MethodGet, h.Get("ETag"), "hello"); again.Code != http.StatusNotModified || again.Body.Len() != 0 {
		t.Errorf("the same: %d %q", again.Code, again.Body)
	}
	if other := ask(http.MethodGet, h.Get("ETag"), "hallo"); other.Code != http.StatusOK || other.Body.String() != "hallo" {
		t.Errorf("another: %d %q", other.Code, other.Body)
	}
	if head := ask(http.MethodHead, "", "hello"); head.Code != http.StatusOK || head.Body.Len() != 0 || head.Header().Get("Content-Length") != "5" {
		t.Errorf("HEAD: %d %q", head.Code, head.Body)
	}
}

func TestACacheControlThatIsThereStays(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "max-age=300")
	Whole(w, httptest.NewRequest(http.MethodGet, "/", nil), "text/plain", nil)
	if got := w.Header().Get("Cache-Control"); got != "max-age=300" {
		t.Errorf("got %q", got)
	}
}

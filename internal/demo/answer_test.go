package demo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/hub"
	"pulltrail/internal/hubtest"
)

func ask(w *World, now time.Time, path string) *httptest.ResponseRecorder {
	answer := httptest.NewRecorder()
	w.Handler(func() time.Time { return now }).ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
	return answer
}

func keys(t *testing.T, body []byte) []string {
	t.Helper()
	fields, err := hub.ParseObject(body)
	if err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	var keys []string
	for _, f := range fields {
		keys = append(keys, f.Key)
	}
	return keys
}

func TestAnswersHaveTheShapeOfDockerHubs(t *testing.T) {
	w := New(began)
	for _, r := range w.Repositories() {
		for _, path := range []string{"/v2/repositories/" + r.String(), "/v2/repositories/" + r.String() + "/"} {
			at := began.Add(-11 * day)
			got := ask(w, at, path)
			if got.Code != http.StatusOK || got.Header().Get("Content-Type") != "application/json" || got.Header().Get("Date") != at.Format(http.TimeFormat) {
				t.Errorf("%s: %d %v", path, got.Code, got.Header())
			}
			s, err := hub.Decode(got.Body.Bytes(), at, at)
			if err != nil || s.Repository != r || s.StarCount == nil || s.StorageSize == nil || s.LastUpdated == nil || s.Private || s.Description() == "" {
				t.Errorf("%s: %+v, %v", path, s, err)
			}
			if diff := cmp.Diff(keys(t, hubtest.Detail(r.String(), 1)), keys(t, got.Body.Bytes())); diff != "" {
				t.Errorf("%s: %s", path, diff)
			}
		}
	}
}

func TestWhatDoesNotExistIsNotFound(t *testing.T) {
	w := New(began)
	for _, path := range []string{"/v2/repositories/demo-quarry/marble", "/v2/repositories/library/nginx", "/v2/namespaces/demo-quarry/repositories", "/"} {
		got := ask(w, began, path)
		if got.Code != http.StatusNotFound || !json.Valid(got.Body.Bytes()) || got.Header().Get("Date") == "" {
			t.Errorf("%s: %d %v %s", path, got.Code, got.Header(), got.Body)
		}
	}
	want := `{"message":"httperror 404: object not found","errinfo":{"namespace":"library","repository":"nginx"}}`
	if got := ask(w, began, "/v2/repositories/library/nginx").Body.String(); got != want {
		t.Errorf("got %s", got)
	}
}

func TestTheNamesExistNowhereElse(t *testing.T) {
	w := New(began)
	namespaces := map[string]bool{}
	for _, r := range w.Repositories() {
		namespaces[r.Namespace] = true
		if parsed, err := hub.ParseRepository(r.String()); err != nil || parsed != r || r.Namespace[:5] != "demo-" {
			t.Errorf("%s: %v, %v", r, parsed, err)
		}
	}
	if len(namespaces) != 4 || len(w.repositories) != 12 {
		t.Errorf("%d repositories over %v", len(w.repositories), namespaces)
	}
}

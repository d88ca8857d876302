package search

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"testing"
)

func TestWhoWeAre(t *testing.T) {
	const none = Class(-1)
	for _, tt := range []struct {
		name   string
		status int
		body   string
		want   error // where it is none with a class
		class  Class
	}{
		{"a user", 200, `{"user_name":"w","roles":["a","b"]}`, nil, none},
		{"nobody, where there is no security", 400, `{"error":"no handler found for uri [/_plugins/_security/authinfo] and method [GET]"}`, ErrNoSecurity, none},
		{"nobody that is known", 401, "Unauthorized", nil, Unidentified},
		{"no answer of a cluster", 200, "<html>", nil, Unexpected},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			who, err := c.Identity(t.Context())
			var refused *Error
			switch {
			case errors.As(err, &refused):
				if refused.Class != tt.class {
					t.Errorf("error %v", err)
				}
			case !errors.Is(err, tt.want):
				t.Errorf("error %v", err)
			case tt.class != none || err == nil && (who.Name != "w" || !slices.Equal(who.Roles, []string{"a", "b"})):
				t.Errorf("%+v, %v", who, err)
			}
		})
	}
}

func TestObjectsOfTheCluster(t *testing.T) {
	var asked, kind, body string
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		asked, kind, body = r.Method+" "+r.URL.EscapedPath(), r.Header.Get("Content-Type"), string(text)
		switch r.URL.Path {
		case "/a b":
			_, _ = io.WriteString(w, `{"n":1}`)
		case "/none":
			w.WriteHeader(http.StatusNotFound)
			_, _ = io.WriteString(w, `{"status":"NOT_FOUND","message":"role 'none' not found."}`)
		case "/page":
			_, _ = io.WriteString(w, "<html>")
		default:
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `{"status":"FORBIDDEN","message":"Resource 'all_access' is static."}`)
		}
	})
	var object struct{ N int }
	if found, err := c.Get(t.Context(), "/a%20b", &object); !found || err != nil || object.N != 1 || asked != "GET /a%20b" {
		t.Errorf("%s: %+v, %t, %v", asked, object, found, err)
	}
	if found, err := c.Get(t.Context(), "/none", &object); found || err != nil {
		t.Errorf("none: %t, %v", found, err)
	}
	if _, err := c.Get(t.Context(), "/page", &object); err == nil {
		t.Error("a page is taken for an object")
	}
	var refused *Error
	if _, err := c.Get(t.Context(), "/static", &object); !errors.As(err, &refused) || refused.Class != Forbidden || refused.Error() != "status 403: Resource 'all_access' is static." {
		t.Errorf("error %v", err)
	}
	if err := c.Put(t.Context(), "/a%20b", map[string]int{"n": 2}); err != nil || asked != "PUT /a%20b" || kind != "application/json" || body != `{"n":2}` {
		t.Errorf("%s as %s: %s, %v", asked, kind, body, err)
	}
	if err := c.Put(t.Context(), "/static", nil); !errors.As(err, &refused) || refused.Class != Forbidden {
		t.Errorf("error %v", err)
	}
	if err := c.Put(t.Context(), "/a", make(chan int)); err == nil {
		t.Error("what has no JSON is sent")
	}
}

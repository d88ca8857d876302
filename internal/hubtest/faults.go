package hubtest

import (
	"encoding/json"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// hugeBody is the size of the answer of Huge.
const hugeBody = 50 << 20

// What Docker Hub says about a wrong login and about too many requests.
const (
	incorrectCredentials = `{"detail":"Incorrect authentication credentials"}`
	rateLimitExceeded    = `{"detail":"Rate limit exceeded","error":false}`
)

// NotFound is the 404 for a repository that is absent or private, or for a page.
func NotFound(w http.ResponseWriter, r *http.Request, _ []byte) {
	answer(w, http.StatusNotFound, string(notFound(r)))
}

// notFound says what is not there: a repository, or something without a name.
func notFound(r *http.Request) []byte {
	missing := map[string]string{}
	if name := r.PathValue("name"); name != "" {
		missing["namespace"], missing["repository"] = r.PathValue("namespace"), name
	}
	info, err := json.Marshal(missing)
	if err != nil {
		panic(err) // strings can always be encoded
	}
	return []byte(`{"message":"httperror 404: object not found","errinfo":` + string(info) + `}`)
}

// Unauthorized is the 401 for a wrong login, or for a token that is none.
func Unauthorized(w http.ResponseWriter, _ *http.Request, _ []byte) {
	answer(w, http.StatusUnauthorized, incorrectCredentials)
}

// Forbidden is the 403 for what the caller may not see.
func Forbidden(w http.ResponseWriter, _ *http.Request, _ []byte) {
	answer(w, http.StatusForbidden, `{"message":"access to the resource is forbidden","errinfo":{}}`)
}

// RateLimited is the 429 of the API with Retry-After in seconds.
func RateLimited(w http.ResponseWriter, _ *http.Request, _ []byte) {
	rateLimited(w, "60")
}

// RateLimitedUntil is the 429 of the API with Retry-After as seconds since 1970,
// which Docker Hub sends too.
func RateLimitedUntil(w http.ResponseWriter, _ *http.Request, _ []byte) {
	rateLimited(w, strconv.FormatInt(time.Now().Add(minute).Unix(), 10))
}

func rateLimited(w http.ResponseWriter, retryAfter string) {
	w.Header().Set("x-ratelimit-remaining", "0")
	w.Header().Set("Retry-After", retryAfter)
	answer(w, http.StatusTooManyRequests, rateLimitExceeded)
}

// EdgeLimited is the 429 of the limiter before the API, in plain text.
func EdgeLimited(w http.ResponseWriter, _ *http.Request, _ []byte) {
	w.Header().Set("Retry-After", "60")
	http.Error(w, "Too Many Requests (HAP429).", http.StatusTooManyRequests)
}

// Status answers any status, with a page such as a proxy on the way sends.
func Status(status int) Fault {
	return func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		htmlPage(w, status, strconv.Itoa(status)+" "+http.StatusText(status))
	}
}

// HTML is a page with status 200.
func HTML(w http.ResponseWriter, _ *http.Request, _ []byte) {
	htmlPage(w, http.StatusOK, "Docker Hub is under maintenance")
}

func htmlPage(w http.ResponseWriter, status int, title string) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte("<html>\n<head><title>" + title + "</title></head>\n<body>\n<h1>" + title + "</h1>\n</body>\n</html>\n"))
}

// Redirect leads to the same path and query below another address, such as
// "http://127.0.0.1:1".
func Redirect(to string) Fault {
	return func(w http.ResponseWriter, r *http.Request, _ []byte) {
		http.Redirect(w, r, strings.TrimRight(to, "/")+r.URL.RequestURI(), http.StatusFound) //nolint:gosec // the point of the fault
	}
}

// Reset resets the connection instead of answering.
func Reset(w http.ResponseWriter, _ *http.Request, _ []byte) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // without it the connection ends in order, which is a fault too
	}
	_ = conn.Close()
}

// Truncated breaks the connection off within the body, which announced its length.
func Truncated(w http.ResponseWriter, _ *http.Request, body []byte) { half(w, body) }

func half(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	answer(w, http.StatusOK, string(body[:len(body)/2]))
}

// CutOff sends half of a body as if that were all of it.
func CutOff(w http.ResponseWriter, _ *http.Request, body []byte) {
	answer(w, http.StatusOK, string(body[:len(body)/2]))
}

// Empty is status 200 without a body.
func Empty(w http.ResponseWriter, _ *http.Request, _ []byte) { answer(w, http.StatusOK, "") }

// Huge streams 50 MB of JSON without announcing its length.
func Huge(w http.ResponseWriter, _ *http.Request, _ []byte) {
	w.Header().Set("Content-Type", "application/json")
	chunk := []byte(strings.Repeat("x", 64<<10))
	if _, err := w.Write([]byte(`{"description":"`)); err != nil {
		return
	}
	for range hugeBody / len(chunk) {
		if _, err := w.Write(chunk); err != nil {
			return // the client has seen enough
		}
	}
	_, _ = w.Write([]byte(`"}`))
}

// NoPullCount leaves pull_count out.
func NoPullCount(w http.ResponseWriter, _ *http.Request, body []byte) {
	answer(w, http.StatusOK, string(edit(body, map[string]json.RawMessage{"pull_count": nil})))
}

// NullPullCount says null instead of a pull_count.
func NullPullCount(w http.ResponseWriter, _ *http.Request, body []byte) {
	answer(w, http.StatusOK, string(edit(body, map[string]json.RawMessage{"pull_count": json.RawMessage("null")})))
}

// WrongRepository answers for a namesake of the repository in the namespace
// "someone-else".
func WrongRepository(w http.ResponseWriter, _ *http.Request, body []byte) {
	answer(w, http.StatusOK, string(edit(body, map[string]json.RawMessage{"namespace": json.RawMessage(`"someone-else"`)})))
}

// Skewed answers properly, with a clock that is ahead by this much, or behind.
func Skewed(by time.Duration) Fault {
	return func(w http.ResponseWriter, _ *http.Request, body []byte) {
		w.Header().Set("Date", time.Now().Add(by).UTC().Format(http.TimeFormat))
		answer(w, http.StatusOK, string(body))
	}
}

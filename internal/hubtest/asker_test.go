package hubtest

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// asker is a client without a network.
type asker struct {
	t      *testing.T
	client *http.Client
	base   string
	header map[string]string
}

func ask(t *testing.T, h *Hub) asker {
	return asker{t, &http.Client{Transport: h.RoundTripper()}, h.URL, map[string]string{}}
}

// with is the same client with one more header.
func (a asker) with(key, value string) asker {
	header := map[string]string{key: value}
	for k, v := range a.header {
		header[k] = v
	}
	a.header = header
	return a
}

type got struct {
	status int
	header http.Header
	body   string
	err    error // of the body
}

// get asks for a path, or for an address.
func (a asker) get(path string) got { return a.do(http.MethodGet, path, "") }

func (a asker) do(method, path, body string) got {
	a.t.Helper()
	g, err := a.try(method, path, body)
	if err != nil {
		a.t.Fatal(err)
	}
	return g
}

func (a asker) try(method, path, body string) (got, error) {
	if strings.HasPrefix(path, "/") {
		path = a.base + path
	}
	request, err := http.NewRequestWithContext(a.t.Context(), method, path, strings.NewReader(body))
	if err != nil {
		return got{}, err
	}
	for k, v := range a.header {
		request.Header.Set(k, v)
	}
	response, err := a.client.Do(request)
	if err != nil {
		return got{}, err
	}
	text, err := io.ReadAll(response.Body)
	return got{response.StatusCode, response.Header, string(text), err}, response.Body.Close()
}

// login returns the status and the token.
func (a asker) login(identifier, secret string) (int, string) {
	a.t.Helper()
	form, _ := json.Marshal(map[string]string{"identifier": identifier, "secret": secret})
	g := a.do(http.MethodPost, "/v2/auth/token", string(form))
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	if g.status == http.StatusOK {
		if err := json.Unmarshal([]byte(g.body), &answer); err != nil {
			a.t.Fatal(err)
		}
	}
	return g.status, answer.AccessToken
}

// as is the same client, logged in.
func (a asker) as(identifier, secret string) asker {
	a.t.Helper()
	status, token := a.login(identifier, secret)
	if status != http.StatusOK {
		a.t.Fatalf("login: %d", status)
	}
	return a.with("Authorization", "Bearer "+token)
}

// expiry reads the claim of a token.
func expiry(token string) (seconds int64, err error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return 0, errors.New("not three parts")
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return 0, err
	}
	var claims struct{ Exp int64 }
	err = json.Unmarshal(text, &claims)
	return claims.Exp, err
}

// list is a page as it is read.
type list struct {
	Count          int
	Next, Previous *string
	Results        []struct {
		Namespace, Name string
		PullCount       *int64 `json:"pull_count"`
	}
}

// page asks for one.
func (a asker) page(path string) list {
	a.t.Helper()
	g := a.get(path)
	if g.status != http.StatusOK {
		a.t.Fatalf("%s: %d %s", path, g.status, g.body)
	}
	return a.read(g)
}

func (a asker) read(g got) (l list) {
	a.t.Helper()
	if err := json.Unmarshal([]byte(g.body), &l); err != nil {
		a.t.Fatal(err)
	}
	return l
}

// walk follows a listing to its end.
func (a asker) walk(path string) (names []string) {
	a.t.Helper()
	for {
		l := a.page(path)
		for _, row := range l.Results {
			names = append(names, row.Namespace+"/"+row.Name)
		}
		if l.Next == nil {
			return names
		}
		path = *l.Next
	}
}

// statuses asks n times for something that is there.
func statuses(a asker, n int) (all []int) {
	for range n {
		all = append(all, a.get("/v2/repositories/a/b").status)
	}
	return all
}

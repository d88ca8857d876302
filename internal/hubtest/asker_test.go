package hubtest

import (
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

// statuses asks n times for something that is there.
func statuses(a asker, n int) (all []int) {
	for range n {
		all = append(all, a.get("/v2/repositories/a/b").status)
	}
	return all
}

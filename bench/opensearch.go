package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

// openSearch is the cluster as the bench sees it.
type openSearch struct {
	base   string
	client *http.Client
}

func newOpenSearch(base string) *openSearch {
	return &openSearch{base: base, client: &http.Client{
		Timeout: time.Minute,
		Transport: &http.Transport{
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 64,
			DisableCompression:  true,
			WriteBufferSize:     64 << 10,
			ReadBufferSize:      64 << 10,
		},
	}}
}

// do sends a request and decodes the answer into v, unless that is nil. A status that is
// not among wanted is an error.
func (o *openSearch) do(ctx context.Context, method, path string, body []byte, v any, wanted ...int) (status int, err error) {
	request, err := http.NewRequestWithContext(ctx, method, o.base+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/x-ndjson") // is taken for JSON too
	}
	response, err := o.client.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }() // it is read to its end
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, fmt.Errorf("%s %s: %w", method, path, err)
	}
	for _, s := range append(wanted, http.StatusOK) {
		if s != response.StatusCode {
			continue
		}
		if v != nil {
			err = json.Unmarshal(answer, v)
		}
		if err != nil {
			return s, fmt.Errorf("%s %s: %w in %.200q", method, path, err, answer)
		}
		return s, nil
	}
	return response.StatusCode, fmt.Errorf("%s %s: OpenSearch answers %d: %.300s", method, path, response.StatusCode, answer)
}

// version is that of the cluster, with its distribution.
func (o *openSearch) version(ctx context.Context) (string, error) {
	var front struct {
		Version struct{ Distribution, Number string }
	}
	_, err := o.do(ctx, http.MethodGet, "/", nil, &front)
	return front.Version.Distribution + " " + front.Version.Number, err
}

func (o *openSearch) create(ctx context.Context, index, body string) error {
	_, err := o.do(ctx, http.MethodPut, "/"+index, []byte(body), nil)
	return err
}

// remove deletes an index, also when the bench was told to stop.
func (o *openSearch) remove(ctx context.Context, index string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	_, err := o.do(ctx, http.MethodDelete, "/"+index, nil, nil, http.StatusNotFound)
	return err
}

// bulk sends a request of creates, all of which must succeed.
func (o *openSearch) bulk(ctx context.Context, body []byte) error {
	var answer struct {
		Errors *bool
		Items  json.RawMessage
	}
	_, err := o.do(ctx, http.MethodPost, "/_bulk?filter_path=errors,items.*.error", body, &answer)
	switch {
	case err != nil:
		return err
	case answer.Errors == nil:
		return fmt.Errorf("bulk: the answer does not say whether there were errors")
	case *answer.Errors:
		return fmt.Errorf("bulk: documents were refused: %.300s", answer.Items)
	}
	return nil
}

// written is how many documents were indexed, whether a search would find them yet
// or not; it costs the cluster next to nothing. An index that is not there has none.
func (o *openSearch) written(ctx context.Context, index string) (int, error) {
	var answer struct {
		All struct {
			Primaries struct {
				Indexing struct {
					Total int `json:"index_total"`
				}
			}
		} `json:"_all"`
	}
	_, err := o.do(ctx, http.MethodGet, "/"+index+"/_stats/indexing?filter_path=_all.primaries.indexing.index_total", nil, &answer, http.StatusNotFound)
	return answer.All.Primaries.Indexing.Total, err
}

// count refreshes an index and counts its documents.
func (o *openSearch) count(ctx context.Context, index string) (int, error) {
	if _, err := o.do(ctx, http.MethodPost, "/"+index+"/_refresh", nil, nil); err != nil {
		return 0, err
	}
	var answer struct{ Count int }
	_, err := o.do(ctx, http.MethodGet, "/"+index+"/_count", nil, &answer)
	return answer.Count, err
}

// has asks for a document by its id, which finds it as soon as it is indexed.
func (o *openSearch) has(ctx context.Context, index, id string) (bool, error) {
	status, err := o.do(ctx, http.MethodGet, "/"+index+"/_doc/"+url.PathEscape(id)+"?_source=false", nil, nil, http.StatusNotFound)
	return status == http.StatusOK, err
}

package search

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
)

// elastic is the transport of Elasticsearch's official client. The client itself, the
// root package of go-elasticsearch, is not used: it has typed requests for the whole API,
// which are 900 packages to compile, and sends a version header that binds it to one
// major version.
type elastic struct {
	client      *elastictransport.Client
	connections *http.Transport
	// genuine is set once a successful answer carried the product header.
	genuine *atomic.Bool
}

// NewElasticsearch makes a client of an Elasticsearch cluster, version 8 or 9; it does
// not connect. Close it. A server that does not call itself Elasticsearch is refused.
func NewElasticsearch(opts Options) (*Client, error) {
	urls, connections, err := opts.reach()
	if err != nil {
		return nil, err
	}
	settings := []elastictransport.Option{
		elastictransport.WithURLs(urls...),
		elastictransport.WithTransport(connections),
		elastictransport.WithDisableRetry(),
	}
	if opts.APIKey.IsSet() {
		settings = append(settings, elastictransport.WithAPIKey(opts.APIKey.Reveal()))
	} else if opts.Username != "" {
		settings = append(settings, elastictransport.WithBasicAuth(opts.Username, opts.Password.Reveal()))
	}
	client, err := elastictransport.NewClient(settings...)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch client: %w", err)
	}
	c := newClient(elastic{client, connections, new(atomic.Bool)}, opts)
	c.elasticsearch = true
	return c, nil
}

// Perform sends the request. The first successful answer must carry the header in which
// Elasticsearch names itself, as Elastic's own clients require; until one has, an answer
// without it is an *Error.
func (e elastic) Perform(req *http.Request) (*http.Response, error) {
	res, err := e.client.Perform(req)
	if err != nil || res.StatusCode < 200 || res.StatusCode > 299 || e.genuine.Load() {
		return res, err
	}
	if res.Header.Get("X-Elastic-Product") != "Elasticsearch" {
		return res, &Error{Class: Unexpected, Err: errors.New("the server is not Elasticsearch: " +
			"name one in indexer.elasticsearch.urls, or write an OpenSearch into indexer.opensearch")}
	}
	e.genuine.Store(true)
	return res, nil
}

func (e elastic) Close() error {
	err := e.client.Close(context.Background())
	e.connections.CloseIdleConnections()
	return err
}

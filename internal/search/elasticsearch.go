package search

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
)

// elastic is, for one node, the transport of Elasticsearch's official client. The client itself, the
// root package of go-elasticsearch, is not used: it has typed requests for the whole API,
// which are 900 packages to compile, and sends a version header that binds it to one
// major version.
type elastic struct {
	client      *elastictransport.Client
	connections *http.Transport
	// genuine is set once a successful answer carried the product header.
	genuine      *atomic.Bool
	otherProduct string // the remedy for another product
}

// NewElasticsearch makes a client of an Elasticsearch cluster; it does not connect. Close
// it. A server that does not call itself Elasticsearch, as those do since 7.14, is refused.
func NewElasticsearch(opts Options) (*Client, error) {
	urls, connections, err := opts.reach()
	if err != nil {
		return nil, err
	}
	settings := []elastictransport.Option{elastictransport.WithTransport(connections), elastictransport.WithDisableRetry()}
	if opts.APIKey.IsSet() {
		settings = append(settings, elastictransport.WithAPIKey(opts.APIKey.Reveal()))
	} else if opts.Username != "" {
		settings = append(settings, elastictransport.WithBasicAuth(opts.Username, opts.Password.Reveal()))
	}
	transports := make([]transport, len(urls))
	for i, u := range urls {
		client, err := elastictransport.NewClient(append(slices.Clip(settings), elastictransport.WithURLs(u))...)
		if err != nil {
			return nil, fmt.Errorf("elasticsearch client: %w", err)
		}
		transports[i] = elastic{client, connections, new(atomic.Bool), opts.OtherProduct}
	}
	c := newClient(transports, opts)
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
	if res.Header.Get(productHeader) != productElasticsearch {
		return res, notElasticsearch(e.otherProduct)
	}
	e.genuine.Store(true)
	return res, nil
}

func (e elastic) Close() error {
	err := e.client.Close(context.Background())
	e.connections.CloseIdleConnections()
	return err
}

package search

import (
	"fmt"
	"net/http"
	"net/url"

	"github.com/opensearch-project/opensearch-go/v4/opensearchtransport"
)

// openSearch is, for one node, the transport of OpenSearch's official client.
type openSearch struct {
	client *opensearchtransport.Client
	opts   Options
}

// NewOpenSearch makes a client of an OpenSearch cluster; it does not connect. Close
// it. A server that calls itself Elasticsearch is refused, unless Options.AnyProduct is set.
func NewOpenSearch(opts Options) (*Client, error) {
	urls, connections, err := opts.reach()
	if err != nil {
		return nil, err
	}
	transports := make([]transport, len(urls))
	for i, u := range urls {
		client, err := opensearchtransport.New(opensearchtransport.Config{
			URLs:         []*url.URL{u},
			Username:     opts.Username,
			Password:     opts.Password.Reveal(),
			DisableRetry: true,
			// The client would otherwise ask each node for its health and its statistics
			// every few seconds, which a user with few permissions may not.
			NodeStatsInterval:     -1,
			MaxRetryClusterHealth: -1,
			HealthCheck:           opensearchtransport.NoOpHealthCheck,
			Transport:             connections,
		})
		if err != nil {
			return nil, fmt.Errorf("opensearch client: %w", err)
		}
		transports[i] = openSearch{client, opts}
	}
	return newClient(transports, opts), nil
}

// Perform sends the request. An answer in which the server calls itself Elasticsearch is
// an *Error, unless any product is accepted. It leaves the reading of the answer, and its
// bound, to the caller.
func (o openSearch) Perform(req *http.Request) (*http.Response, error) {
	res, err := o.client.Stream(req)
	if err == nil && !o.opts.AnyProduct && res.Header.Get(productHeader) == productElasticsearch {
		return res, notOpenSearch("", o.opts.OtherProduct)
	}
	return res, err
}

func (o openSearch) Close() error { return o.client.Close() }

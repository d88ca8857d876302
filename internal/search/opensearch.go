package search

import (
	"fmt"
	"net/http"

	"github.com/opensearch-project/opensearch-go/v4/opensearchtransport"
)

// openSearch is the transport of OpenSearch's official client.
type openSearch struct{ client *opensearchtransport.Client }

// NewOpenSearch makes a client of an OpenSearch cluster; it does not connect. Close it.
func NewOpenSearch(opts Options) (*Client, error) {
	urls, connections, err := opts.reach()
	if err != nil {
		return nil, err
	}
	client, err := opensearchtransport.New(opensearchtransport.Config{
		URLs:         urls,
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
	return newClient(openSearch{client}, opts), nil
}

// Perform leaves the reading of the answer, and its bound, to the caller.
func (o openSearch) Perform(req *http.Request) (*http.Response, error) { return o.client.Stream(req) }

func (o openSearch) Close() error { return o.client.Close() }

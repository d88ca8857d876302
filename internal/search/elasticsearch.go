package search

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
	"github.com/elastic/go-elasticsearch/v9"
)

// elastic is Elasticsearch's official client, without the part that knows each request:
// ours are few, and without its version header they suit 8 and 9.
type elastic struct {
	client      *elasticsearch.BaseClient
	connections *http.Transport
}

// NewElasticsearch makes a client of an Elasticsearch cluster, version 8 or 9; it does
// not connect. Close it. A server that does not call itself Elasticsearch is refused.
func NewElasticsearch(opts Options) (*Client, error) {
	urls, connections, err := opts.reach()
	if err != nil {
		return nil, err
	}
	addresses := make([]string, len(urls))
	for i, u := range urls {
		addresses[i] = u.String()
	}
	settings := []elasticsearch.Option{
		elasticsearch.WithAddresses(addresses...),
		elasticsearch.WithDisableMetaHeader(),
		elasticsearch.WithTransportOptions(elastictransport.WithTransport(connections), elastictransport.WithDisableRetry()),
	}
	if opts.APIKey.IsSet() {
		settings = append(settings, elasticsearch.WithAPIKey(opts.APIKey.Reveal()))
	} else if opts.Username != "" {
		settings = append(settings, elasticsearch.WithBasicAuth(opts.Username, opts.Password.Reveal()))
	}
	client, err := elasticsearch.NewBase(settings...)
	if err != nil {
		return nil, fmt.Errorf("elasticsearch client: %w", err)
	}
	c := newClient(elastic{client, connections}, opts)
	c.elasticsearch = true
	return c, nil
}

// Perform gives the client's word for another product its class and a remedy.
func (e elastic) Perform(req *http.Request) (*http.Response, error) {
	res, err := e.client.Perform(req)
	if err != nil && strings.Contains(err.Error(), "the server is not Elasticsearch") {
		err = &Error{Class: Unexpected, Err: errors.New("the server is not Elasticsearch: " +
			"name one in indexer.elasticsearch.urls, or write an OpenSearch into indexer.opensearch")}
	}
	return res, err
}

func (e elastic) Close() error {
	err := e.client.Close(context.Background())
	e.connections.CloseIdleConnections()
	return err
}

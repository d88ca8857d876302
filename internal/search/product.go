package search

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// The header in which an Elasticsearch of version 7.14 or newer names itself.
const (
	productHeader        = "X-Elastic-Product"
	productElasticsearch = "Elasticsearch"
)

// elasticTagline is on the front page of every Elasticsearch and of no OpenSearch, which
// has one of its own also while it poses as Elasticsearch 7.10 for old clients.
const elasticTagline = "You Know, for Search"

// notOpenSearch refuses an Elasticsearch where an OpenSearch is expected; version may be
// empty.
func notOpenSearch(version, remedy string) *Error {
	return &Error{Class: Unexpected, Err: errors.New(otherProduct(version, remedy))}
}

func otherProduct(version, remedy string) string {
	return "the server is " + strings.TrimSpace("Elasticsearch "+version) + ", not OpenSearch" + remedyAfter(remedy)
}

// notElasticsearch refuses a server that does not name itself Elasticsearch.
func notElasticsearch(remedy string) *Error {
	return &Error{Class: Unexpected, Err: errors.New("the server does not identify itself as Elasticsearch 7.14 or newer " +
		"(8 or 9 supported, 7.17 works)" + remedyAfter(remedy))}
}

func remedyAfter(remedy string) string {
	if remedy == "" {
		return ""
	}
	return ": " + remedy
}

// Ping asks whether the cluster answers, is of the expected product and accepts our
// credentials. A user who may not see the front page (403) has been recognised, so that is
// a success. Each node gets 5 s at most to answer before the next is asked.
func (c *Client) Ping(ctx context.Context) error {
	body, err := c.send(ctx, request{method: http.MethodGet, path: "/", perNode: pingTimeout})
	var refused *Error
	if errors.As(err, &refused) && refused.Class == Forbidden {
		return nil
	}
	if err != nil {
		return err
	}
	var front frontPage
	if err := json.Unmarshal(body, &front); err != nil {
		return notJSON(body, err)
	}
	if front.Version.Number == "" {
		return notJSON(body, errors.New("it has no version"))
	}
	if !c.elasticsearch && !c.anyProduct && front.isElasticsearch() {
		return notOpenSearch(front.Version.Number, c.otherProduct)
	}
	warning := c.unsupported(front)
	c.warning.Store(&warning)
	return nil
}

// frontPage is what a cluster says of itself.
type frontPage struct {
	Version struct {
		Number       string `json:"number"`
		Distribution string `json:"distribution"`
	} `json:"version"`
	Tagline string `json:"tagline"`
}

func (f frontPage) isElasticsearch() bool {
	return f.Version.Distribution == "" && f.Tagline == elasticTagline
}

// Warning says what is unsupported about the cluster of the last Ping; empty when nothing
// is, or the cluster does not show its version.
func (c *Client) Warning() string {
	if warning := c.warning.Load(); warning != nil {
		return *warning
	}
	return ""
}

func (c *Client) unsupported(front frontPage) string {
	number := front.Version.Number
	text, _, _ := strings.Cut(number, ".")
	major, err := strconv.Atoi(text)
	switch {
	case err != nil:
		return ""
	case c.elasticsearch && major != 8 && major != 9:
		return "Elasticsearch " + number + " is not a supported version: 8 or 9 supported, 7.17 works"
	case !c.elasticsearch && front.isElasticsearch():
		return otherProduct(number, c.otherProduct)
	case !c.elasticsearch && front.Version.Distribution == "opensearch" && major != 2 && major != 3:
		return "OpenSearch " + number + " is not a supported version: 2 or 3 supported"
	}
	return ""
}

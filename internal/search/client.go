package search

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
)

const (
	// maxAnswer bounds what is read of an answer, in bytes: some 10,000 refused
	// documents, each with its reason.
	maxAnswer   = 64 << 20
	dialTimeout = 10 * time.Second
	// pingTimeout bounds the wait for one node's answer to Ping.
	pingTimeout = 5 * time.Second
)

// The remedies for status 401.
const (
	userRefused = "user or password refused (status 401): check the user and the password of the cluster"
	keyRefused  = "API key refused (status 401): check that it is whole, and that it has neither expired nor been invalidated"
)

// Options are how to reach a cluster.
type Options struct {
	// URLs are its nodes; they are used in turn. A request that one of them fails is sent
	// to the next at once.
	URLs     []string
	Username string
	Password secret.String
	// APIKey stands in place of a user, in the form that Elasticsearch gives it. For
	// Elasticsearch only.
	APIKey secret.String
	TLS    tlsconf.Config
	// Fingerprint is the SHA-256 of the certificate to trust in place of those that TLS
	// names; see tlsconf.Pin.
	Fingerprint string
	// Timeout bounds one request, the reading of its answer and all nodes that it is sent
	// to included.
	Timeout time.Duration
	// Compress sends the larger bodies compressed by gzip, which saves a network more
	// than it costs, and costs more than it saves where there is none in between.
	Compress bool
	// AnyProduct lets NewOpenSearch accept an Elasticsearch too, with a Warning.
	AnyProduct bool
	// OtherProduct is the remedy for a server of the other product, for the end of a sentence.
	OtherProduct string
}

// transport is the official client of the cluster's kind, for one node.
type transport interface {
	// Perform sends a request to the node, once. The answer's body is not read
	// yet; there may be an answer beside an error.
	Perform(req *http.Request) (*http.Response, error)
	Close() error
}

// Client is a connection to a cluster, safe for concurrent use.
type Client struct {
	nodes *nodes
	// elasticsearch says that the cluster is one, and no OpenSearch.
	elasticsearch bool
	timeout       time.Duration
	compress      bool
	unidentified  string // the remedy for status 401
	anyProduct    bool
	otherProduct  string // the remedy for a server of the other product
	warning       atomic.Pointer[string]
}

func newClient(transports []transport, opts Options) *Client {
	c := &Client{nodes: newNodes(transports), timeout: opts.Timeout, compress: opts.Compress, unidentified: userRefused, anyProduct: opts.AnyProduct, otherProduct: opts.OtherProduct}
	if opts.APIKey.IsSet() {
		c.unidentified = keyRefused
	}
	return c
}

// Product is what the cluster is: "opensearch" or "elasticsearch".
func (c *Client) Product() string {
	if c.elasticsearch {
		return "elasticsearch"
	}
	return "opensearch"
}

// reach is what both clients are made of: the nodes, and the way to connect to them.
func (o Options) reach() ([]*url.URL, *http.Transport, error) {
	urls, err := o.nodes()
	if err != nil {
		return nil, nil, err
	}
	connections, err := o.connections()
	return urls, connections, err
}

// nodes are the URLs, each in its parts.
func (o Options) nodes() ([]*url.URL, error) {
	if len(o.URLs) == 0 {
		return nil, errors.New("a cluster needs a URL")
	}
	urls := make([]*url.URL, len(o.URLs))
	for i, address := range o.URLs {
		u, err := url.Parse(strings.TrimRight(address, "/"))
		if err != nil {
			return nil, errors.New("the URL of a cluster cannot be read") // its text may hold a password
		}
		urls[i] = u
	}
	return urls, nil
}

// connections make and keep the connections to the nodes.
func (o Options) connections() (*http.Transport, error) {
	trust, err := o.TLS.Build()
	if err == nil && o.Fingerprint != "" {
		err = tlsconf.Pin(trust, o.Fingerprint)
	}
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
		TLSClientConfig:     trust,
		TLSHandshakeTimeout: dialTimeout,
		MaxIdleConnsPerHost: 8,
		IdleConnTimeout:     90 * time.Second,
		WriteBufferSize:     64 << 10,
		ReadBufferSize:      64 << 10,
	}, nil
}

// Close ends the connections.
func (c *Client) Close() error { return c.nodes.Close() }

// CreateIndex makes an index with the given settings and mappings. One that exists,
// or an alias of that name, is left as it is, which is a success too. It does not wait for
// the index's shards, which the first write does.
func (c *Client) CreateIndex(ctx context.Context, index string, body []byte) (created bool, err error) {
	_, err = c.do(ctx, http.MethodPut, "/"+url.PathEscape(index)+"?wait_for_active_shards=0", "application/json", body)
	var refused *Error
	if errors.As(err, &refused) &&
		(refused.Class == Exists || refused.Class == Refused && strings.Contains(refused.Reason, "already exists")) {
		return false, nil
	}
	return err == nil, err
}

// do sends one request and reads the whole answer. Every error is an *Error.
func (c *Client) do(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	return c.send(ctx, request{method: method, path: path, contentType: contentType, body: payload{parts: [][]byte{body}}})
}

// request is what is sent to a cluster.
type request struct {
	method, path, contentType string
	body                      payload
	// once says that it must not be repeated when its answer is lost.
	once bool
	// perNode, where set, bounds the wait for each node.
	perNode time.Duration
}

// send sends a request to one node, and to the next at once where that node fails, until
// each has had it. The error is that of the last.
func (c *Client) send(ctx context.Context, r request) (answer []byte, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("no answer within %s", c.timeout))
	defer cancel()
	var gzip bool
	if c.compress && r.body.size() >= worthCompressing {
		r.body, gzip = payload{parts: [][]byte{compress(r.body)}}, true
	}
	for _, node := range c.nodes.order() {
		answer, err = c.ask(ctx, node, r, gzip)
		failed := ofNode(err)
		if errors.Is(ctx.Err(), context.Canceled) {
			return answer, err // the caller gave up, which says nothing of the node
		}
		c.nodes.answered(node, !failed)
		if !failed || r.once || ctx.Err() != nil {
			return answer, err
		}
	}
	return answer, err
}

// ask sends a request to a node.
func (c *Client) ask(ctx context.Context, node *node, r request, gzip bool) ([]byte, error) {
	if r.perNode > 0 && r.perNode < c.timeout {
		bounded, cancel := context.WithTimeoutCause(ctx, r.perNode, fmt.Errorf("no answer within %s", r.perNode))
		defer cancel()
		ctx = bounded
	}
	req, err := http.NewRequestWithContext(ctx, r.method, r.path, nil)
	if err != nil {
		return nil, &Error{Class: Unexpected, Err: err}
	}
	if gzip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	if size := r.body.size(); size > 0 {
		req.ContentLength = size
		// which a connection that has ended meanwhile needs
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(r.body.reader()), nil }
		req.Body = io.NopCloser(r.body.reader())
	}
	if r.contentType != "" {
		req.Header.Set("Content-Type", r.contentType)
	}
	res, err := node.Perform(req)
	if res != nil {
		defer func() { _ = res.Body.Close() }() // what was wanted of it has been read
	}
	if err != nil {
		return nil, unreachable(ctx, err)
	}
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, unreachable(ctx, fmt.Errorf("read the answer: %w", err))
	case len(answer) > maxAnswer:
		return nil, newError(res.StatusCode, "", fmt.Sprintf("the answer has more than %d bytes", maxAnswer))
	case res.StatusCode < 200 || res.StatusCode > 299:
		return nil, c.refusal(res.StatusCode, answer)
	}
	return answer, nil
}

// refusal is the error of an answer that is no success.
func (c *Client) refusal(status int, answer []byte) *Error {
	refused := answerError(status, answer)
	if refused.Class == Unidentified {
		refused.Err = errors.New(c.unidentified)
	}
	return refused
}

func unreachable(ctx context.Context, err error) *Error {
	var known *Error
	if errors.As(err, &known) {
		return known
	}
	if errors.As(err, new(*tls.CertificateVerificationError)) {
		err = fmt.Errorf("%w; name its CA in tls.ca_file", err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return &Error{Class: Unreachable, Err: err}
}

package search

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
)

const (
	// maxAnswer bounds what is read of an answer, in bytes: some 10,000 refused
	// documents, each with its reason.
	maxAnswer   = 64 << 20
	dialTimeout = 10 * time.Second
)

// The remedies for status 401.
const (
	userRefused = "user or password refused (status 401): check the user and the password of the cluster"
	keyRefused  = "API key refused (status 401): check that it is whole, and that it has neither expired nor been invalidated"
)

// Options are how to reach a cluster.
type Options struct {
	// URLs are its nodes; they are used in turn, one that fails is passed over for
	// a while.
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
	// Timeout bounds one request, the reading of its answer included.
	Timeout time.Duration
	// Compress sends the larger bodies compressed by gzip, which saves a network more
	// than it costs, and costs more than it saves where there is none in between.
	Compress bool
}

// transport is what the two kinds of clusters have of their own: the official client of
// each, with its choice of a node.
type transport interface {
	// Perform sends a request to one of the nodes, once. The answer's body is not read
	// yet; there may be an answer beside an error.
	Perform(req *http.Request) (*http.Response, error)
	Close() error
}

// Client is a connection to a cluster, safe for concurrent use.
type Client struct {
	transport transport
	// elasticsearch says that the cluster is one, and no OpenSearch.
	elasticsearch bool
	timeout       time.Duration
	compress      bool
	unidentified  string // the remedy for status 401
}

func newClient(t transport, opts Options) *Client {
	c := &Client{transport: t, timeout: opts.Timeout, compress: opts.Compress, unidentified: userRefused}
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
func (c *Client) Close() error { return c.transport.Close() }

// Ping asks whether the cluster answers and knows us. A user who may not see the
// front page (403) has been recognised, so that is a success.
func (c *Client) Ping(ctx context.Context) error {
	body, err := c.do(ctx, http.MethodGet, "/", "", nil)
	var refused *Error
	if errors.As(err, &refused) && refused.Class == Forbidden {
		return nil
	}
	if err != nil {
		return err
	}
	var front struct {
		Version *struct {
			Number string `json:"number"`
		} `json:"version"`
	}
	if err := json.Unmarshal(body, &front); err != nil {
		return notJSON(body, err)
	}
	if front.Version == nil || front.Version.Number == "" {
		return notJSON(body, errors.New("it has no version"))
	}
	return nil
}

// CreateIndex makes an index with the given settings and mappings. One that exists,
// or an alias of that name, is left as it is, which is a success too.
func (c *Client) CreateIndex(ctx context.Context, index string, body []byte) (created bool, err error) {
	_, err = c.do(ctx, http.MethodPut, "/"+url.PathEscape(index), "application/json", body)
	var refused *Error
	if errors.As(err, &refused) &&
		(refused.Class == Exists || refused.Class == Refused && strings.Contains(refused.Reason, "already exists")) {
		return false, nil
	}
	return err == nil, err
}

// do sends one request and reads the whole answer. Every error is an *Error.
func (c *Client) do(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	return c.send(ctx, method, path, contentType, payload{parts: [][]byte{body}})
}

// send is do with a body in parts.
func (c *Client) send(ctx context.Context, method, path, contentType string, body payload) ([]byte, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, fmt.Errorf("no answer within %s", c.timeout))
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, path, nil)
	if err != nil {
		return nil, &Error{Class: Unexpected, Err: err}
	}
	if c.compress && body.size() >= worthCompressing {
		body = payload{parts: [][]byte{compress(body)}}
		req.Header.Set("Content-Encoding", "gzip")
	}
	if size := body.size(); size > 0 {
		req.ContentLength = size
		// which a connection that has ended meanwhile needs
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(body.reader()), nil }
		req.Body = io.NopCloser(body.reader())
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := c.transport.Perform(req)
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

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

	"github.com/opensearch-project/opensearch-go/v4/opensearchtransport"

	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
)

const (
	// maxAnswer bounds what is read of an answer, in bytes: some 10,000 refused
	// documents, each with its reason.
	maxAnswer   = 64 << 20
	dialTimeout = 10 * time.Second
)

// Options are how to reach a cluster.
type Options struct {
	// URLs are its nodes; they are used in turn, one that fails is passed over for
	// a while.
	URLs     []string
	Username string
	Password secret.String
	// APIKey, where it is set, is shown in place of user and password: that of an
	// Elasticsearch, in its encoded form.
	APIKey secret.String
	TLS    tlsconf.Config
	// Timeout bounds one request, the reading of its answer included.
	Timeout time.Duration
	// Compress sends the larger bodies compressed by gzip, which saves a network more
	// than it costs, and costs more than it saves where there is none in between.
	Compress bool
}

// Client is a connection to a cluster, safe for concurrent use.
type Client struct {
	transport *opensearchtransport.Client
	timeout   time.Duration
	compress  bool
}

// New makes a client; it does not connect. Close it.
func New(opts Options) (*Client, error) {
	if len(opts.URLs) == 0 {
		return nil, errors.New("a cluster needs a URL")
	}
	urls := make([]*url.URL, len(opts.URLs))
	for i, address := range opts.URLs {
		u, err := url.Parse(strings.TrimRight(address, "/"))
		if err != nil {
			return nil, errors.New("the URL of a cluster cannot be read") // its text may hold a password
		}
		urls[i] = u
	}
	trust, err := opts.TLS.Build()
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	header := http.Header{}
	if opts.APIKey.IsSet() {
		header.Set("Authorization", "ApiKey "+opts.APIKey.Reveal())
	}
	transport, err := opensearchtransport.New(opensearchtransport.Config{
		Header:       header,
		URLs:         urls,
		Username:     opts.Username,
		Password:     opts.Password.Reveal(),
		DisableRetry: true,
		// The client would otherwise ask each node for its health and its statistics
		// every few seconds, which a user with few permissions may not.
		NodeStatsInterval:     -1,
		MaxRetryClusterHealth: -1,
		HealthCheck:           opensearchtransport.NoOpHealthCheck,
		Transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			TLSClientConfig:     trust,
			TLSHandshakeTimeout: dialTimeout,
			MaxIdleConnsPerHost: 8,
			IdleConnTimeout:     90 * time.Second,
			WriteBufferSize:     64 << 10,
			ReadBufferSize:      64 << 10,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("opensearch client: %w", err)
	}
	return &Client{transport: transport, timeout: opts.Timeout, compress: opts.Compress}, nil
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
// or an alias of that name, is a success and left as it is.
func (c *Client) CreateIndex(ctx context.Context, index string, body []byte) error {
	_, err := c.do(ctx, http.MethodPut, "/"+url.PathEscape(index), "application/json", body)
	var refused *Error
	if errors.As(err, &refused) &&
		(refused.Class == Exists || refused.Class == Refused && strings.Contains(refused.Reason, "already exists")) {
		return nil
	}
	return err
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
	res, err := c.transport.Stream(req)
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
		return nil, answerError(res.StatusCode, answer)
	}
	return answer, nil
}

func unreachable(ctx context.Context, err error) *Error {
	if errors.As(err, new(*tls.CertificateVerificationError)) {
		err = fmt.Errorf("%w; name its CA in tls.ca_file", err)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return &Error{Class: Unreachable, Err: err}
}

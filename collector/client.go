package collector

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"pulltrail/internal/hub"
)

const (
	maxErrorBody = 4 << 10  // how much of an error's body is read; more is not shown anyway
	maxHeader    = 64 << 10 // bytes of an answer's header
	maxRedirects = 3
	maxSkew      = 5 * time.Minute
	pageSize     = 100 // rows, the most that Docker Hub gives
)

// client sends single requests to Docker Hub. It may be used by several goroutines.
type client struct {
	base    *url.URL
	http    *http.Client
	agent   string
	timeout time.Duration
	maxBody int64
}

func newClient(cfg Config, version string, transport http.RoundTripper) (*client, error) {
	base, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, fmt.Errorf("collector.url: %w", err)
	}
	if transport == nil {
		if transport, err = newTransport(cfg); err != nil {
			return nil, err
		}
	}
	return &client{
		base:    base,
		http:    &http.Client{Transport: transport, CheckRedirect: checkRedirect},
		agent:   "pulltrail/" + version,
		timeout: cfg.Timeout,
		maxBody: cfg.MaxBody,
	}, nil
}

// newTransport keeps connections for the run and decompresses gzip. Its own
// timeouts end a dial that a cancelled request has left behind.
func newTransport(cfg Config) (*http.Transport, error) {
	trust, err := cfg.TLS.Build()
	if err != nil {
		return nil, fmt.Errorf("collector.tls: %w", err)
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: cfg.Timeout}).DialContext,
		TLSHandshakeTimeout:    cfg.Timeout,
		TLSClientConfig:        trust,
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    cfg.Concurrency,
		IdleConnTimeout:        time.Minute,
		MaxResponseHeaderBytes: maxHeader,
	}, nil
}

// checkRedirect follows only within the host that is configured, for a few steps.
// Otherwise the redirect itself is the answer.
func checkRedirect(next *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects || !sameHost(via[0].URL, next.URL) {
		return http.ErrUseLastResponse
	}
	return nil
}

// sameHost allows a step up from http to https, and no other change.
func sameHost(from, to *url.URL) bool {
	upgrade := from.Scheme == "http" && to.Scheme == "https"
	return strings.EqualFold(from.Host, to.Host) && (from.Scheme == to.Scheme || upgrade)
}

// detail is where Docker Hub tells of one repository.
func (c *client) detail(r hub.Repository) string {
	return c.base.JoinPath("v2", "repositories", url.PathEscape(r.Namespace), url.PathEscape(r.Name)).String()
}

// listing is where it lists a page of a namespace. By name, so that no push moves a row
// to another page while they are read.
func (c *client) listing(namespace string, page int) string {
	u := c.base.JoinPath("v2", "namespaces", url.PathEscape(namespace), "repositories")
	u.RawQuery = url.Values{"page": {strconv.Itoa(page)}, "page_size": {strconv.Itoa(pageSize)}, "ordering": {"name"}}.Encode()
	return u.String()
}

// token is where it takes a login.
func (c *client) token() string { return c.base.JoinPath("v2", "auth", "token").String() }

// request is one to Docker Hub.
type request struct {
	method, url string
	body        []byte // nil for none
	bearer      string // empty for everybody's rights
	etag        string // of the answer that is at hand; empty for none
}

// answer is what came back, whatever it says. Of a status other than 200 only the
// beginning of the body is kept.
type answer struct {
	status  int
	header  http.Header
	body    []byte
	arrived time.Time // UTC, whole seconds
}

// send sends one request. Its error always has a cause.
func (c *client) send(ctx context.Context, q request) (answer, error) {
	bounded, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	response, err := c.do(bounded, q)
	if err != nil {
		var wrapped *url.Error // it repeats the URL, which a log line does not need
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return answer{}, broken(ctx, err, c.timeout)
	}
	// Closing a body that was not read to its end also closes the connection.
	defer response.Body.Close() //nolint:errcheck // nothing was written to it
	a := answer{status: response.StatusCode, header: response.Header, arrived: time.Now().UTC().Truncate(time.Second)}
	if a.status != http.StatusOK {
		// A body that breaks off matters less than the status does.
		a.body, _ = io.ReadAll(io.LimitReader(response.Body, maxErrorBody))
		return a, nil
	}
	if a.body, err = c.read(ctx, response); err != nil {
		return answer{}, err
	}
	return a, nil
}

func (c *client) do(ctx context.Context, q request) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, q.method, q.url, bytes.NewReader(q.body))
	if err != nil {
		return nil, err
	}
	if q.body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if q.bearer != "" {
		r.Header.Set("Authorization", "Bearer "+q.bearer) // stays with the host, see checkRedirect
	}
	if q.etag != "" {
		r.Header.Set("If-None-Match", q.etag)
	}
	r.Header.Set("User-Agent", c.agent)
	r.Header.Set("Accept", "application/json")
	return c.http.Do(r)
}

// read takes at most one byte more than is allowed, after decompression.
func (c *client) read(ctx context.Context, response *http.Response) ([]byte, error) {
	if response.ContentLength > c.maxBody {
		return nil, fail(TooLarge, "the answer has %d bytes, more than collector.max_body (%d)", response.ContentLength, c.maxBody)
	}
	var body bytes.Buffer
	n, err := body.ReadFrom(io.LimitReader(response.Body, c.maxBody+1))
	switch {
	case n > c.maxBody:
		return nil, fail(TooLarge, "the answer has more bytes than collector.max_body (%d)", c.maxBody)
	case err != nil:
		return nil, broken(ctx, fmt.Errorf("after %d bytes: %w", n, err), c.timeout)
	}
	return body.Bytes(), nil
}

// checkClock compares the local clock with the answer's Date header, as far as
// there is one: a snapshot with a wrong time would falsify every rate.
func checkClock(local time.Time, header string) error {
	theirs, err := http.ParseTime(header)
	if err != nil || local.Sub(theirs).Abs() <= maxSkew {
		return nil
	}
	return fail(Clock, "the local clock says %s, Docker Hub says %s: set the local clock, by NTP for instance; nothing is published while they are more than %s apart",
		local.Format(time.RFC3339), theirs.UTC().Format(time.RFC3339), maxSkew)
}

// decode makes a snapshot of the answer for r.
func decode(body []byte, r hub.Repository, arrived, slot time.Time) (hub.Snapshot, error) {
	fields, err := hub.ParseObject(body)
	if err != nil {
		return hub.Snapshot{}, unreadable(err, body)
	}
	if got, ok := subject(fields); ok && got != r {
		return hub.Snapshot{}, fail(WrongRepository, "answered with the statistic of %.200q", got.String())
	}
	snapshot, err := hub.Decode(body, arrived, slot)
	if err != nil {
		return hub.Snapshot{}, unreadable(err, body)
	}
	return snapshot, nil
}

// subject is what an object says it is about, be it a valid name or not.
func subject(fields []hub.Field) (r hub.Repository, ok bool) {
	var namespace, name *string
	for _, f := range fields {
		var err error
		switch f.Key {
		case "namespace":
			err = json.Unmarshal(f.Value, &namespace)
		case "name":
			err = json.Unmarshal(f.Value, &name)
		}
		if err != nil {
			return hub.Repository{}, false
		}
	}
	if namespace == nil || name == nil {
		return hub.Repository{}, false
	}
	return hub.Repository{Namespace: *namespace, Name: *name}, true
}

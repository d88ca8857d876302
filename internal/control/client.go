package control

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"pulltrail/internal/hub"
)

// Client talks to the daemon whose socket is at a path. It is a Collector.
type Client struct{ http *http.Client }

// NewClient makes a client; the daemon need not run yet.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Collect lets the daemon collect. The error is ErrNoDaemon where none listens.
func (c *Client) Collect(ctx context.Context, repositories []hub.Repository, settle time.Duration, progress func(Result)) (summary Summary, err error) {
	body, err := json.Marshal(collectRequest{Repositories: repositories, Settle: settle})
	if err != nil {
		return Summary{}, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://daemon/collect", bytes.NewReader(body))
	if err != nil {
		return Summary{}, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			return Summary{}, ErrNoDaemon
		}
		return Summary{}, fmt.Errorf("ask the daemon: %w", err)
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		reason, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10)) // as much as there is
		return Summary{}, fmt.Errorf("the daemon answered %s: %s", response.Status, bytes.TrimSpace(reason))
	}
	return follow(json.NewDecoder(response.Body), progress)
}

// follow reads the stream of events up to the one that ends it.
func follow(events *json.Decoder, progress func(Result)) (Summary, error) {
	for {
		var e event
		if err := events.Decode(&e); err != nil {
			return Summary{}, fmt.Errorf("the daemon ended before the run did: %w", err)
		}
		switch {
		case e.Result != nil:
			progress(*e.Result)
		case e.Summary != nil:
			return *e.Summary, nil
		case e.Error != "":
			return Summary{}, errors.New(e.Error)
		}
	}
}

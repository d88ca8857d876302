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
	"net/url"
	"os"
	"strconv"
	"syscall"
	"time"

	"pulltrail/internal/hub"
)

// Client talks to the daemon whose socket is at a path. It is a Daemon.
type Client struct{ http *http.Client }

// NewClient makes a client; the daemon need not run yet.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		// Whoever owns the directory must not lead root's commands to another socket.
		if info, err := os.Lstat(path); err == nil && info.Mode().Type() == os.ModeSymlink {
			return nil, fmt.Errorf("%s is a symbolic link, which is not followed: remove it", path)
		}
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
	return &Client{http: &http.Client{Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true}}}
}

// Collect lets the daemon collect. The error is ErrNoDaemon where none listens.
func (c *Client) Collect(ctx context.Context, repositories []hub.Repository, settle time.Duration, progress func(Result)) (Summary, error) {
	return follow[Result, Summary](ctx, c, "/collect", collectRequest{Repositories: repositories, Settle: settle}, progress)
}

// DeadLetters lets the daemon list. The error is ErrNoDaemon where none listens, here
// and in the other methods.
func (c *Client) DeadLetters(ctx context.Context, query LetterQuery) (page LetterPage, err error) {
	values := url.Values{"sink": {query.Sink}, "limit": {strconv.Itoa(query.Limit)}, "offset": {strconv.Itoa(query.Offset)}}
	err = c.ask(ctx, http.MethodGet, "/deadletters?"+values.Encode(), nil, &page)
	return page, err
}

// DeadLetter lets the daemon show a letter.
func (c *Client) DeadLetter(ctx context.Context, id LetterID) (letter Letter, err error) {
	err = c.ask(ctx, http.MethodGet, "/deadletter?"+url.Values{"id": {id.String()}}.Encode(), nil, &letter)
	return letter, err
}

// RetryDeadLetters lets the daemon try letters again.
func (c *Client) RetryDeadLetters(ctx context.Context, which Selection, progress func(Retried)) (RetrySummary, error) {
	return follow[Retried, RetrySummary](ctx, c, "/deadletters/retry", which, progress)
}

// DropDeadLetters lets the daemon forget letters.
func (c *Client) DropDeadLetters(ctx context.Context, which Selection) (dropped Dropped, err error) {
	err = c.ask(ctx, http.MethodPost, "/deadletters/drop", which, &dropped)
	return dropped, err
}

// ForgetIndices lets the daemon know of indices that were deleted.
func (c *Client) ForgetIndices(ctx context.Context, sink string, indices []string) error {
	return c.ask(ctx, http.MethodPost, "/indices/forget", forgetRequest{Sink: sink, Indices: indices}, &struct{}{})
}

// Top lets the daemon say how every repository fares.
func (c *Client) Top(ctx context.Context) (all []Top, err error) {
	err = c.ask(ctx, http.MethodGet, "/top", nil, &all)
	return all, err
}

// Place lets the daemon say how far an import has come.
func (c *Client) Place(ctx context.Context, source string) (string, error) {
	var p place
	err := c.ask(ctx, http.MethodPost, "/import/place", place{Source: source}, &p)
	return p.Place, err
}

// Import lets the daemon store snapshots.
func (c *Client) Import(ctx context.Context, batch Batch) (imported Imported, err error) {
	err = c.ask(ctx, http.MethodPost, "/import", batch, &imported)
	return imported, err
}

// Export lets the daemon hand out snapshots.
func (c *Client) Export(ctx context.Context, which Range, take func([][]byte)) (Exported, error) {
	return follow[[][]byte, Exported](ctx, c, "/export", which, take)
}

// Daily lets the daemon hand out the pulls of days.
func (c *Client) Daily(ctx context.Context, which Range, take func([]Day)) (Exported, error) {
	return follow[[]Day, Exported](ctx, c, "/export/daily", which, take)
}

// Delete lets the daemon delete snapshots.
func (c *Client) Delete(ctx context.Context, which Deletion) (deleted Deleted, err error) {
	err = c.ask(ctx, http.MethodPost, "/history/delete", which, &deleted)
	return deleted, err
}

// do sends a request, with what as its body where that is not nil. The answer, which
// the caller closes, is one of success.
func (c *Client) do(ctx context.Context, method, path string, what any) (*http.Response, error) {
	var body io.Reader
	if what != nil {
		encoded, err := json.Marshal(what)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, "http://daemon"+path, body)
	if err != nil {
		return nil, err
	}
	response, err := c.http.Do(request)
	if err != nil {
		if errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.ECONNREFUSED) {
			return nil, ErrNoDaemon
		}
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 1<<10)) // as much as there is
	if response.StatusCode == http.StatusGone {
		err = ErrNoLetter
	} else {
		err = fmt.Errorf("the daemon answered %s: %s", response.Status, bytes.TrimSpace(text))
	}
	return nil, errors.Join(err, response.Body.Close())
}

// ask is do for an answer that is one JSON object.
func (c *Client) ask(ctx context.Context, method, path string, what, into any) (err error) {
	response, err := c.do(ctx, method, path, what)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return fmt.Errorf("the daemon's answer: %w", err)
	}
	return nil
}

// follow posts what, and reads the stream of events up to the one that ends it.
func follow[R, S any](ctx context.Context, c *Client, path string, what any, progress func(R)) (summary S, err error) {
	response, err := c.do(ctx, http.MethodPost, path, what)
	if err != nil {
		return summary, err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	events := json.NewDecoder(response.Body)
	for {
		var e event[R, S]
		if err := events.Decode(&e); err != nil {
			if ctx.Err() != nil {
				return summary, ctx.Err()
			}
			return summary, fmt.Errorf("the daemon ended before the run did: %w", err)
		}
		switch {
		case e.Result != nil:
			progress(*e.Result)
		case e.Summary != nil:
			return *e.Summary, nil
		case e.Error != "":
			return summary, errors.New(e.Error)
		}
	}
}

package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"

	"pulltrail/internal/hub"
	"pulltrail/internal/search"
)

const (
	// timeField is the time of a snapshot, in the indices of the chain and in ours.
	timeField = "timestamp"
	pageSize  = 500
	// maxSeen bounds what is remembered of one moment. Beyond it, doubles count as there
	// already.
	maxSeen = 100_000
)

// ClusterOptions are what to read.
type ClusterOptions struct {
	Client *search.Client
	// URL is the address, without secrets, for people and for Name.
	URL string
	// Index is a name or a pattern.
	Index string
	// Pauses are those between tries; nil: from half a second to half a minute, for five
	// minutes.
	Pauses backoff.BackOff
	// Now is the time of the import; see hub.Snapshot.CheckDate.
	Now time.Time
	Log *slog.Logger
}

// Cluster is the Source that indices are, along their time.
type Cluster struct {
	opts        ClusterOptions
	reading     *search.Reading
	page        []search.Hit
	from        int64 // milliseconds: what is older was read
	done, total int64
	// seen are the documents of the moment seenAt, and their identities.
	seenAt int64
	seen   map[string]bool
}

// NewCluster makes the source; it does not connect. Close it; the client stays the
// caller's.
func NewCluster(opts ClusterOptions) *Cluster {
	return &Cluster{opts: opts, total: -1}
}

// Name is the address and the pattern.
func (c *Cluster) Name() string {
	return c.opts.Client.Product() + " " + c.opts.URL + " " + c.opts.Index
}

// Resume begins at a time.
func (c *Cluster) Resume(place string) (err error) {
	if c.from, err = strconv.ParseInt(place, 10, 64); err != nil || c.from < 0 {
		return fmt.Errorf("%q is not a time in milliseconds", place)
	}
	return nil
}

// Next is the next document.
func (c *Cluster) Next(ctx context.Context) (Item, error) {
	for {
		if len(c.page) == 0 {
			page, err := c.read(ctx)
			if err != nil {
				return Item{}, err
			}
			if len(page) == 0 {
				return Item{}, io.EOF
			}
			c.page = page
		}
		hit := c.page[0]
		c.page = c.page[1:]
		if c.again(hit.Time, hit.Index+"/"+hit.ID) {
			continue // the page before had it too
		}
		c.done++
		return c.item(hit), nil
	}
}

// again says whether key was there before, at the same moment.
func (c *Cluster) again(at int64, key string) bool {
	if at != c.seenAt || c.seen == nil || len(c.seen) >= maxSeen {
		c.seenAt, c.seen = at, map[string]bool{}
	}
	if c.seen[key] {
		return true
	}
	c.seen[key] = true
	return false
}

func (c *Cluster) item(hit search.Hit) Item {
	item := Item{Where: hit.Index + "/" + hit.ID}
	if hit.Time > 0 {
		item.Place = strconv.FormatInt(hit.Time, 10)
	}
	s, err := stored(hit.Source)
	var dated error
	if err == nil {
		dated = s.CheckDate(c.opts.Now)
	}
	switch {
	case err != nil:
		item.Fate, item.Reason = Skipped, oneLineOf(err)
	case dated != nil:
		item.Fate, item.Reason = Refused, dated.Error()
	case c.again(hit.Time, s.ID()):
		item.Fate = Double
	default:
		item.Payload = s.Encode()
	}
	return item
}

// stored makes a snapshot of a document. It gets a slot, by which it can be told from the
// document of the chain in an index that has both.
func stored(source []byte) (hub.Snapshot, error) {
	if len(source) > maxDocument {
		return hub.Snapshot{}, errors.New("the document has more than 1 MiB")
	}
	if source == nil {
		return hub.Snapshot{}, errors.New("the index does not keep documents (_source)")
	}
	fields, err := hub.ParseObject(source)
	if err != nil {
		return hub.Snapshot{}, err
	}
	fields = slices.DeleteFunc(fields, func(f hub.Field) bool { return f.Key == "full_description" })
	s, err := restore(fields)
	if err != nil || has(fields, "slot") {
		return s, err
	}
	return hub.Restore(append(s.Fields(), hub.Field{Key: "slot", Value: hub.FormatTime(s.Timestamp)}))
}

// read is the next page. What may pass is tried again, from the time that was read last.
func (c *Cluster) read(ctx context.Context) ([]search.Hit, error) {
	pauses, most := c.opts.Pauses, time.Duration(0)
	if pauses == nil {
		growing := backoff.NewExponentialBackOff()
		growing.MaxInterval = 30 * time.Second
		pauses, most = growing, 5*time.Minute
	}
	told := false
	page, err := backoff.Retry(ctx, func() ([]search.Hit, error) {
		page, err := c.try(ctx)
		if err != nil && !passing(err) {
			err = backoff.Permanent(err)
		}
		return page, err
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(most), backoff.WithNotify(func(err error, _ time.Duration) {
		if !told {
			c.opts.Log.Warn("the source does not answer and is asked again", "url", c.opts.URL, "timeout", most, "err", err)
			told = true
		}
	}))
	if err != nil {
		return nil, c.explain(err)
	}
	if told {
		c.opts.Log.Warn("the source answers again", "url", c.opts.URL)
	}
	return page, nil
}

// try reads a page; it begins to read where that is needed.
func (c *Cluster) try(ctx context.Context) ([]search.Hit, error) {
	if c.reading == nil {
		reading, err := c.opts.Client.Read(ctx, search.Query{
			Index: c.opts.Index, TimeField: timeField, From: c.from, Size: pageSize,
		})
		if err != nil {
			return nil, err
		}
		c.reading = reading
		c.total = c.done + reading.Total()
	}
	page, err := c.reading.Page(ctx)
	if err != nil {
		c.leave(ctx)
		return nil, err
	}
	if len(page) > 0 {
		c.from = page[len(page)-1].Time
	}
	return page, nil
}

// leave ends a reading. What the cluster keeps of it ends by itself too.
func (c *Cluster) leave(ctx context.Context) {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := c.reading.Close(bounded); err != nil {
		c.opts.Log.Debug("the cluster was not told that its point in time is not needed any more", "err", err)
	}
	c.reading = nil
}

// passing says whether another try may help.
func passing(err error) bool {
	var e *search.Error
	if !errors.As(err, &e) || errors.Is(err, context.Canceled) {
		return false
	}
	switch e.Class {
	case search.Unreachable, search.Unavailable, search.Overloaded, search.Blocked:
		return true
	}
	// A point in time that has ended while the cluster was away.
	return e.Status == http.StatusNotFound && e.Type == "search_phase_execution_exception" ||
		e.Type == "search_context_missing_exception"
}

// explain says what a person can do.
func (c *Cluster) explain(err error) error {
	var e *search.Error
	if !errors.As(err, &e) {
		return err
	}
	switch e.Class {
	case search.Forbidden:
		return fmt.Errorf("%s: give the user the permission read on %s: %w", c.opts.URL, c.opts.Index, err)
	case search.Missing:
		return fmt.Errorf("%s has no index %s: name it with --index (%w)", c.opts.URL, c.opts.Index, err)
	case search.Refused:
		return fmt.Errorf("%s: %s cannot be read along the field %s, which has to be a date in each index; leave out others with --index: %w", c.opts.URL, c.opts.Index, timeField, err)
	}
	return fmt.Errorf("%s: %w", c.opts.URL, err)
}

// Progress counts documents.
func (c *Cluster) Progress() Progress { return Progress{Done: c.done, Total: c.total} }

// Notes are none.
func (c *Cluster) Notes() []string { return nil }

// Close lets the cluster forget its place.
func (c *Cluster) Close() error {
	if c.reading != nil {
		c.leave(context.Background())
	}
	return nil
}

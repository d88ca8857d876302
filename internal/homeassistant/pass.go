package homeassistant

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"pulltrail/internal/document"
)

// errAway is what Run goes on with at the next connection.
var errAway = errors.New("the connection to the broker has ended")

type sum = [sha256.Size]byte

// outcome is what a pass has found.
type outcome struct {
	announced, left int   // repositories
	refused         int   // messages
	why             error // of the first
}

// pass publishes what has changed, and takes back what is not wanted any more.
func (a *Announcer) pass(ctx context.Context) (found outcome, err error) {
	noted, err := a.noted(ctx)
	if err != nil {
		return found, err
	}
	var all []Repository
	if a.Repositories != nil {
		if all, err = a.Repositories(ctx); err != nil {
			return found, err
		}
	}
	found.announced = min(len(all), maxRepositories)
	found.left = len(all) - found.announced
	var due []Message
	var fresh []string // topics of due that are not noted yet
	for i, r := range all[:found.announced] {
		for _, m := range a.Messages(r) {
			_, there := noted[m.Topic]
			if !there {
				fresh = append(fresh, m.Topic)
			}
			if !there || a.sent[m.Topic] != sha256.Sum256(m.Payload) {
				due = append(due, m)
			}
			noted[m.Topic] = true
		}
		if len(due) >= batch || i == found.announced-1 {
			if err := a.publish(ctx, due, fresh, &found); err != nil {
				return found, err
			}
			due, fresh = due[:0], fresh[:0]
		}
	}
	return found, a.takeBack(ctx, noted, &found)
}

// noted are the topics that are remembered, none of which is wanted as yet.
func (a *Announcer) noted(ctx context.Context) (map[string]bool, error) {
	topics, err := a.Memory.Announced(ctx)
	wanted := make(map[string]bool, len(topics))
	for _, topic := range topics {
		wanted[topic] = false
	}
	return wanted, err
}

// publish notes the topics that are fresh, and publishes what is due.
func (a *Announcer) publish(ctx context.Context, due []Message, fresh []string, found *outcome) error {
	if err := a.Memory.Announce(ctx, fresh...); err != nil {
		return err
	}
	confirmed, err := a.retain(ctx, due, found)
	for _, m := range confirmed {
		a.sent[m.Topic] = sha256.Sum256(m.Payload)
	}
	return err
}

// takeBack empties the topics that are noted and not wanted, and then forgets them.
func (a *Announcer) takeBack(ctx context.Context, noted map[string]bool, found *outcome) error {
	var stale []Message
	for topic, wanted := range noted {
		if !wanted {
			stale = append(stale, Message{Topic: topic})
		}
	}
	for some := range slices.Chunk(stale, batch) {
		confirmed, err := a.retain(ctx, some, found)
		topics := make([]string, len(confirmed))
		for i, m := range confirmed {
			topics[i] = m.Topic
			delete(a.sent, m.Topic)
		}
		if err := errors.Join(err, a.Memory.Withdraw(ctx, topics...)); err != nil {
			return err
		}
	}
	return nil
}

// retain publishes several at a time, and gives those that the broker has confirmed. What it
// refuses is counted, and is no error.
func (a *Announcer) retain(ctx context.Context, messages []Message, found *outcome) (confirmed []Message, err error) {
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, m := range messages {
		group.Go(func() error {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			err := a.Publisher.Retain(ctx, m.Topic, m.Payload)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				confirmed = append(confirmed, m)
			case document.IsPermanent(err):
				found.refused++
				if found.why == nil {
					found.why = err
				}
			default:
				return fmt.Errorf("%w: %w", errAway, err)
			}
			return nil
		})
	}
	err = group.Wait()
	return confirmed, err
}

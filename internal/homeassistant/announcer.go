package homeassistant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"
)

const (
	// maxRepositories bounds what is announced and what is remembered of it.
	maxRepositories = 5_000
	// atOnce is how many messages are on their way at a time.
	atOnce = 4
	// batch is how many topics are noted in one transaction.
	batch = 1_000

	settle       = 2 * time.Second // from what has changed to a pass
	restFactor   = 19
	most         = 15 * time.Minute // the longest rest after connections that have ended
	brokenOften  = 5
	refusedAgain = 10 * time.Minute
	failedAgain  = 30 * time.Second
	// lookAgain is how late it may be noticed that nothing new has come for long.
	lookAgain = time.Hour
)

// Publisher publishes to the broker.
type Publisher interface {
	// Retain has the broker keep payload as the message of topic, or nothing where it is
	// empty, and returns nil when the broker has confirmed it. A permanent error is the
	// broker's refusal of this message; any other says that the connection has ended. It
	// is called 4 at a time.
	Retain(ctx context.Context, topic string, payload []byte) error
	// Opened carries a signal after each connection on which Retain can publish.
	Opened() <-chan struct{}
}

// Memory is durable. An error means that nothing of a call has happened.
type Memory interface {
	// Announced are the topics that Announce was told of and Withdraw was not.
	Announced(ctx context.Context) ([]string, error)
	Announce(ctx context.Context, topics ...string) error
	Withdraw(ctx context.Context, topics ...string) error
}

// Options are what New needs.
type Options struct {
	Settings
	Publisher Publisher
	Memory    Memory
	// Repositories are what is to be announced, the most important first. Nil announces
	// nothing, and takes back what was.
	Repositories func(context.Context) ([]Repository, error)
	// Notify returns a channel that is closed when Repositories may have changed.
	Notify func() <-chan struct{}
	Log    *slog.Logger
}

// Announcer makes what the broker keeps what it ought to be. See the package comment.
type Announcer struct {
	Options
	sent   map[string]sum // by topic, what was confirmed on this connection
	broken int            // connections in a row that have ended in a pass
	state  tracker
}

// New makes an announcer; Run sets it to work.
func New(opts Options) *Announcer {
	return &Announcer{Options: opts, sent: map[string]sum{}, state: newTracker(opts.Log)}
}

// State says what has become of the last pass.
func (a *Announcer) State() State { return a.state.get() }

// Run announces until ctx is done. It is called once.
func (a *Announcer) Run(ctx context.Context) error {
	connected := a.wait(ctx, 0, nil, nil)
	for connected {
		changed := a.Notify()
		begun := time.Now()
		found, err := a.pass(ctx)
		if ctx.Err() != nil {
			break
		}
		rest := max(settle, restFactor*time.Since(begun))
		connected = a.next(ctx, found, err, rest, changed)
	}
	return nil
}

// next says how a pass has ended and waits until there is reason for another; false when
// ctx was done first.
func (a *Announcer) next(ctx context.Context, found outcome, err error, rest time.Duration, changed <-chan struct{}) bool {
	again := lookAgain
	switch {
	case errors.Is(err, errAway):
		a.broken++
		a.lost()
		return a.wait(ctx, max(rest, pause(a.broken)), nil, nil)
	case err != nil:
		a.state.set(err.Error(), "")
		again = failedAgain
	case found.refused > 0:
		// A topic would name a repository, which may be private, to whoever sees the state.
		a.state.set(fmt.Sprintf("messages that the broker rejects: %d (%v)", found.refused, found.why), "")
		again = refusedAgain
	case found.left > 0:
		a.state.set(fmt.Sprintf("too many repositories: %d, of which %d not announced", found.announced+found.left, found.left), "")
	default:
		a.state.set("", fmt.Sprintf("repositories announced: %d", found.announced))
	}
	a.broken = 0
	timer := time.NewTimer(again)
	defer timer.Stop()
	return a.wait(ctx, rest, changed, timer.C)
}

// lost says that a connection has ended in a pass. When that is so each time, it is no
// chance.
func (a *Announcer) lost() {
	const detail = "waits for the broker"
	if a.broken < brokenOften {
		a.state.note(detail)
		return
	}
	a.state.set(fmt.Sprintf("the broker ends the connection whenever something is announced: permit this process to publish below %s/sensor and pulltrail, or set mqtt.home_assistant.discovery to false", a.Prefix), detail)
}

// wait rests, and then waits for a new connection, for which everything is new, or for
// changed or due where they are not nil; false when ctx was done first.
func (a *Announcer) wait(ctx context.Context, rest time.Duration, changed <-chan struct{}, due <-chan time.Time) bool {
	resting := time.NewTimer(rest)
	defer resting.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-resting.C:
	}
	select {
	case <-ctx.Done():
		return false
	case <-a.Publisher.Opened():
		clear(a.sent)
	case <-changed:
	case <-due:
	}
	return true
}

// pause is the rest after so many connections in a row that have ended.
func pause(broken int) time.Duration {
	d := min(settle<<min(broken, 16), most)
	return d/2 + rand.N(d/2) //nolint:gosec // spreads load, hides nothing
}

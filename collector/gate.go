package collector

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// gate lets requests begin, one after the other: at a rate, more slowly when little is
// left of Docker Hub's limit, and not at all while Docker Hub has asked to wait. All runs
// share it.
type gate struct {
	limiter *rate.Limiter
	turn    chan struct{} // holds the one whose turn it is

	mu      sync.Mutex
	until   time.Time     // nothing begins before
	spacing time.Duration // between two requests, until limits.Reset
	limits  Limits        // zero before the first
}

func newGate(perSecond float64) *gate {
	return &gate{limiter: rate.NewLimiter(rate.Limit(perSecond), 1), turn: make(chan struct{}, 1)}
}

// errTooLate says that a request could begin only after the end of the run.
var errTooLate = errors.New("its turn would come after the end of the run")

// wait returns when a request may begin. It begins no wait that the end of ctx would cut
// off, since what is under way may still succeed meanwhile.
func (g *gate) wait(ctx context.Context) error {
	select {
	case g.turn <- struct{}{}:
		defer func() { <-g.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := g.limiter.Wait(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("%w: %w", errTooLate, context.DeadlineExceeded)
	}
	for {
		pause := time.Until(g.opens())
		if pause <= 0 {
			g.passed()
			return ctx.Err()
		}
		if err := sleepWithin(ctx, pause); err != nil {
			return err
		}
	}
}

// passed keeps the distance to the next request.
func (g *gate) passed() {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := time.Now()
	if next := now.Add(g.spacing); g.spacing > 0 && now.Before(g.limits.Reset) && next.After(g.until) {
		g.until = next
	}
}

// sleepWithin sleeps, unless ctx ends before that would be over.
func sleepWithin(ctx context.Context, d time.Duration) error {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return fmt.Errorf("%w: %w", errTooLate, context.DeadlineExceeded)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// opens is when the gate opens; in the past when it is open.
func (g *gate) opens() time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.until
}

// pause closes the gate for d and a little more, so that several clients of one address
// do not come back in the same moment.
func (g *gate) pause(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	spread := min(d/10, 5*time.Second) + 100*time.Millisecond
	until := time.Now().Add(d + rand.N(spread)) //nolint:gosec // spreads load, hides nothing
	if until.After(g.until) {
		g.until = until
	}
}

// observe takes note of what an answer says of the limit. Below a quarter of it, what is
// left is spread over the rest of the window: others may share our address.
func (g *gate) observe(header http.Header) {
	now := time.Now()
	limits, ok := readLimits(header, now)
	if !ok {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.limits, g.spacing = limits, 0
	if limits.Remaining < limits.Limit/4 {
		g.spacing = limits.Reset.Sub(now) / time.Duration(limits.Remaining+1)
	}
	if limits.Remaining == 0 && limits.Reset.After(g.until) {
		g.until = limits.Reset
	}
}

// state is what the last answer said, and false when none did.
func (g *gate) state() (Limits, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.limits, g.limits.Limit > 0
}

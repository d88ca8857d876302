package ops

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// probeTimeout bounds how long a part may take to say how it is doing. Requests wait
// a moment longer, because a part that is interrupted may still say at what.
const (
	probeTimeout = 2 * time.Second
	probeGrace   = 200 * time.Millisecond
)

// probe asks one part, for however many requests at a time.
type probe struct {
	check Check
	log   *slog.Logger

	mu      sync.Mutex
	current *asking // nil when the part is not being asked
}

// asking is one call of Check.Probe that requests wait for together.
type asking struct {
	since time.Time
	done  chan struct{} // closed when state is set
	state State
}

// askAll asks all parts at once and returns their states in order.
func askAll(ctx context.Context, probes []*probe) []State {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout+probeGrace)
	defer cancel()
	under := make([]*asking, len(probes))
	for i, p := range probes {
		under[i] = p.ask(ctx)
	}
	states := make([]State, len(probes))
	for i, a := range under {
		states[i] = a.wait(ctx)
	}
	return states
}

// ask joins the call that is under way, or begins one. A part that never answers
// thus holds one goroutine, however often it is asked.
func (p *probe) ask(ctx context.Context) *asking {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.current != nil {
		return p.current
	}
	a := &asking{since: time.Now(), done: make(chan struct{})}
	p.current = a
	// Others may join: the request that happened to be first must not end it.
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), probeTimeout)
	go func() {
		defer cancel()
		a.state = p.call(bounded)
		p.mu.Lock()
		p.current = nil
		p.mu.Unlock()
		close(a.done)
	}()
	return a
}

// call survives a panic of the probe, which would otherwise end the process.
func (p *probe) call(ctx context.Context) (s State) {
	defer func() {
		if r := recover(); r != nil {
			p.log.Error("web: a readiness check panicked", "check", p.check.Name, "err", fmt.Sprint(r))
			s = State{Detail: "the check itself failed; the log says why"}
		}
	}()
	return p.check.Probe(ctx)
}

func (a *asking) wait(ctx context.Context) State {
	select {
	case <-a.done:
		return a.state
	case <-ctx.Done():
	}
	select {
	case <-a.done: // it was a tie
		return a.state
	default:
		return State{Since: a.since, Detail: fmt.Sprintf("did not say how it is doing within %v", probeTimeout)}
	}
}

package app

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"pulltrail/indexer"
	"pulltrail/internal/web/ops"
	"pulltrail/mqttio"
)

// checks are the parts of /-/ready. Ready means that snapshots are taken and kept:
// a sink may be away meanwhile, because history has what it misses. So may Docker
// Hub, which a restart or another instance would not bring back either.
func (s shownParts) checks() []ops.Check {
	checks := []ops.Check{{Name: "history", Probe: dated(s.probeHistory)}}
	if s.broker != nil && s.broker.Displaced() != "" {
		checks = append(checks, ops.Check{Name: "embedded broker", Optional: true, Probe: func(context.Context) ops.State {
			return ops.State{OK: true, Since: s.started, Detail: s.broker.Displaced()}
		}})
	}
	if s.collects {
		checks = append(checks, ops.Check{Name: "Docker Hub", Optional: true, Probe: func(context.Context) ops.State {
			st := s.poller.State()
			return ops.State{OK: st.OK, Since: st.Since, Detail: either(st.Err, st.Detail)}
		}}, ops.Check{Name: "outbox", Probe: func(context.Context) ops.State {
			st := s.poller.Outbox()
			return ops.State{OK: st.OK, Since: st.Since, Detail: st.Err}
		}}, ops.Check{Name: "publisher", Probe: connection(s.publisher.State)})
	}
	for _, sub := range s.subscribers {
		checks = append(checks, ops.Check{Name: "subscriber of " + sub.Name(), Probe: connection(sub.State)})
	}
	for _, f := range s.followers {
		checks = append(checks, ops.Check{
			Name: f.Sink() + " after " + f.Log(), Optional: true,
			Probe: func(context.Context) ops.State { return s.following(f) },
		})
	}
	if s.announcer != nil {
		checks = append(checks, ops.Check{Name: "Home Assistant", Optional: true, Probe: func(context.Context) ops.State {
			st := s.announcer.State()
			return ops.State{OK: st.Err == "", Since: st.Since, Detail: either(st.Err, st.Detail)}
		}})
	}
	return checks
}

func (s shownParts) probeHistory(ctx context.Context) ops.State {
	head, err := s.trail.Head(ctx)
	if err != nil {
		return ops.State{Detail: err.Error()}
	}
	return ops.State{OK: true, Detail: fmt.Sprintf("position %d", head)}
}

// dated adds to a probe that knows no history since when its state lasts: from now on
// it is taken to be OK, and a change begins when it is seen, by /-/ready or by the status
// page, which may ask at the same time.
func dated(probe func(context.Context) ops.State) func(context.Context) ops.State {
	var mu sync.Mutex
	ok, since := true, time.Now()
	return func(ctx context.Context) ops.State {
		st := probe(ctx)
		mu.Lock()
		defer mu.Unlock()
		if st.OK != ok {
			ok, since = st.OK, time.Now()
		}
		st.Since = since
		return st
	}
}

func connection(state func() mqttio.State) func(context.Context) ops.State {
	return func(context.Context) ops.State {
		st := state()
		return ops.State{OK: st.Connected && st.Err == "", Since: st.Since, Detail: either(st.Err, st.Detail)}
	}
}

// following tells of a sink that is away also what waits for it meanwhile, and how much
// of the journal that takes: full, the journal holds up the subscriber of documents.
func (s shownParts) following(f *indexer.Follower) ops.State {
	st := f.State()
	var detail []string
	if st.Err != "" {
		detail = append(detail, st.Err)
	}
	detail = append(detail, progressOf(st))
	if f.Log() == journalLog {
		bytes, bound := s.journal.Size()
		detail = append(detail, fmt.Sprintf("the journal has %d of %d bytes", bytes, bound))
	}
	return ops.State{OK: st.OK, Since: st.Since, Detail: strings.Join(detail, "; ")}
}

// progressOf says how far a sink has come, and what it did not take.
func progressOf(s indexer.State) string {
	text := "nothing waits"
	switch behind, lag := s.Behind(), s.Lag.Truncate(time.Second); behind {
	case 0:
	case 1:
		text = fmt.Sprintf("1 entry behind, for %s", lag)
	default:
		text = fmt.Sprintf("%d entries behind, the oldest for %s", behind, lag)
	}
	if s.Refused > 0 {
		text += "; " + counted(s.Refused, "dead letter", "dead letters") + " since the start"
	}
	return text
}

// either is a, or b where a is empty.
func either(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

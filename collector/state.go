package collector

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is how Docker Hub fares as a neighbour, as far as the runs tell.
type State struct {
	// OK is true until a run in which every answer failed for a reason that is not the
	// repository's own, such as no connection, and again after an answer of use.
	OK bool
	// Since is when OK took its present value.
	Since time.Time
	// Err names the causes, and no repository; empty when OK.
	Err string
	// Detail is worth knowing though Docker Hub answers: a refused login, namespaces
	// that are not listed whole.
	Detail string
}

// State is what the runs that have ended say.
func (c *Collector) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// Outbox is how the outbox fares: not OK from a snapshot on that it could not keep, say
// because the disk is full, until it has kept one.
func (c *Collector) Outbox() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.kept
}

// keeps takes note of what the outbox said. The log has the beginning as the end of the run.
func (c *Collector) keeps(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if ok := err == nil; ok != c.kept.OK {
		if ok {
			c.log.Info("outbox stores snapshots again")
		}
		c.kept = State{OK: ok, Since: time.Now().UTC()}
	}
	if err != nil {
		c.kept.Err = "snapshots cannot be kept, so nothing is collected: " + err.Error()
	}
}

// after is the state after a run. One that has asked for nothing changes nothing.
func (s State) after(run Summary, refusedLogin error) State {
	answered := run.Succeeded > 0
	var causes []string
	for _, r := range run.Results {
		switch {
		case r.Err == nil, r.Cause == Cancelled:
		case general(r.Cause):
			causes = append(causes, string(r.Cause))
		default:
			answered = true
		}
	}
	for _, l := range run.Listings {
		switch {
		case l.Cause == "" || l.Cause == Truncated:
			answered = true
		case general(l.Cause):
			causes = append(causes, string(l.Cause))
		}
	}
	s.Detail = detail(run, refusedLogin)
	if !answered && len(causes) == 0 {
		return s
	}
	next := State{OK: answered, Since: s.Since, Detail: s.Detail}
	if next.OK != s.OK {
		next.Since = run.Finished
	}
	if !next.OK {
		slices.Sort(causes)
		next.Err = fmt.Sprintf("the last run got nothing from Docker Hub (%s); the log says more", strings.Join(slices.Compact(causes), ", "))
	}
	return next
}

func detail(run Summary, refusedLogin error) string {
	var all []string
	if refusedLogin != nil {
		all = append(all, refusedLogin.Error())
	}
	for _, l := range run.Listings {
		if l.Truncated {
			all = append(all, l.Err.Error())
		}
	}
	return strings.Join(all, "; ")
}

// general reports whether a cause says more of Docker Hub, the way there or the clock
// than of the one repository that was asked for.
func general(c Cause) bool {
	switch c {
	case RateLimited, ServerError, UnexpectedStatus, Timeout, Connection, Empty, NotJSON, Clock:
		return true
	}
	return false
}

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
}

// State is what the runs that have ended say.
func (c *Collector) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// after is the state after a run. One that has asked for nothing changes nothing.
func (s State) after(run Summary) State {
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
	if !answered && len(causes) == 0 {
		return s
	}
	next := State{OK: answered, Since: s.Since}
	if next.OK != s.OK {
		next.Since = run.Finished
	}
	if !next.OK {
		slices.Sort(causes)
		next.Err = fmt.Sprintf("the last run got nothing from Docker Hub (%s); the log says more", strings.Join(slices.Compact(causes), ", "))
	}
	return next
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

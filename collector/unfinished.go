package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// The pauses before an unfinished run goes on, doubling with each that gets no further.
const (
	firstAgain = 5 * time.Minute
	longAgain  = time.Hour
)

// unable counts the runs for one slot that were left unfinished, one after the other.
type unable struct {
	slot time.Time
	runs int
}

// resumes reports whether a later part of the run can get what failed by a cause.
func resumes(c Cause) bool { return passing(c) || c == Budget || c == Cancelled || c == Clock }

// Resumable reports whether a later part of the run may get what failed by this cause.
func (c Cause) Resumable() bool { return resumes(c) }

// passingCauses are those that resume, as the roster knows them.
func passingCauses() (names []string) {
	for _, c := range causes() {
		if resumes(c) {
			names = append(names, string(c))
		}
	}
	return names
}

// note remembers a cause for which the run is unfinished.
func (s *Summary) note(c Cause) {
	if c == "" || !resumes(c) || slices.Contains(strings.Split(s.Unfinished, ", "), string(c)) {
		return
	}
	if s.Unfinished != "" {
		s.Unfinished += ", "
	}
	s.Unfinished += string(c)
}

// postpone says when a run that is unfinished should go on. The caller holds mu.
func (c *Collector) postpone(s *Summary) {
	for _, l := range s.Listings {
		s.note(l.Cause)
	}
	if s.Unfinished == "" {
		c.unable = unable{}
		return
	}
	if !c.unable.slot.Equal(s.Slot) || s.Succeeded > 0 {
		c.unable = unable{slot: s.Slot}
	}
	pause := longAgain
	if c.unable.runs < 10 {
		pause = min(firstAgain<<c.unable.runs, longAgain)
	}
	c.unable.runs++
	s.Again = max(pause, time.Until(c.gate.opens()))
}

// cutShort is the error of a run that left repositories undone, which is logged
// in one line; nil when all had their turn.
func (r *run) cutShort(ctx context.Context, summary Summary) error {
	var undone, namespaces int
	var reason error
	for _, result := range summary.Results {
		if result.Cause == Cancelled {
			undone++
			reason = result.Err
		}
	}
	for _, l := range summary.Listings {
		if l.Cause == Cancelled {
			namespaces++
			reason = l.Err
		}
	}
	cause := context.Cause(ctx)
	if undone+namespaces == 0 && (cause == nil || errors.Is(cause, context.Canceled) || errors.Is(cause, context.DeadlineExceeded)) {
		return nil // whatever has ended the run came too late
	}
	if cause != nil {
		reason = cause
	}
	level := slog.LevelWarn
	kept := r.Outbox()
	switch {
	case errors.Is(cause, context.Canceled): // at a stop or a reload, which the scheduler tells of
		level = slog.LevelDebug
	case !kept.OK && kept.Since.Before(summary.Started): // a run before has told
		level = slog.LevelDebug
	}
	r.log.Log(context.Background(), level, "run cut short", "slot", r.slot, "cause", string(Cancelled), "cancelled", undone, "namespaces", namespaces, "err", reason)
	what := fmt.Sprintf("%d of %d repositories undone", undone, len(summary.Results))
	if namespaces > 0 {
		what += fmt.Sprintf(", namespaces not listed whole: %d", namespaces)
	}
	return fmt.Errorf("run for slot %s cut short, %s: %w", r.slot.Format(time.RFC3339), what, reason)
}

func truncated(namespaces map[string]bool) (n int) {
	for _, is := range namespaces {
		if is {
			n++
		}
	}
	return n
}

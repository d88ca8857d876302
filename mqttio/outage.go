package mqttio

import (
	"context"
	"time"
)

// reminders are the lengths of an outage at which it is logged again.
var reminders = []time.Duration{time.Minute, 10 * time.Minute, time.Hour}

// outage is the time without a connection that lasts. It is used by link.run only.
type outage struct {
	since  time.Time // zero before the first failure
	logged int       // how many of reminders
}

// ended takes note of how an attempt or a connection has ended. Connections that end at once do not end an outage.
func (o *outage) ended(e ending) {
	if o.since.IsZero() || e == stood {
		*o = outage{since: time.Now()}
	}
}

// due reports whether a reminder has come since the last call, and how long the outage has lasted.
func (o *outage) due() (lasted time.Duration, due bool) {
	if o.since.IsZero() {
		return 0, false
	}
	lasted = time.Since(o.since)
	for o.logged < len(reminders) && lasted >= reminders[o.logged] {
		o.logged++
		due = true
	}
	return lasted, due
}

// remind logs an outage that lasts, with how many snapshots wait for its end and the pause before the next attempt.
func (l *link) remind(ctx context.Context, pause time.Duration) {
	if l.backlog == nil {
		return
	}
	lasted, due := l.outage.due()
	if !due {
		return
	}
	args := []any{"disconnected", lasted.Round(time.Second), "retry_interval", pause.Round(time.Millisecond), "err", l.state.state().Err}
	if n, err := l.backlog(ctx); err == nil {
		args = append(args, "pending", n)
	} else {
		args = append(args, "pending_err", err)
	}
	l.log.Warn("broker still disconnected", args...)
}

package broker

import (
	"context"
	"log/slog"
	"slices"

	"golang.org/x/time/rate"
)

// lossy are the messages of mochi that tell of dropped messages, and so of something
// that a person would act on.
var lossy = []string{"client store quota reached", "packet ids exhausted"}

// quiet passes mochi's log on at a level that fits a part of a larger process: each
// client that comes, goes or misbehaves is for debugging. Packets are left out, as
// they have payloads.
type quiet struct {
	inner slog.Handler
	lossy *rate.Limiter
}

func newQuiet(inner slog.Handler) slog.Handler {
	return &quiet{inner: inner, lossy: rate.NewLimiter(1.0/60, 1)}
}

// level is what a record of mochi's counts for here.
func level(l slog.Level, message string) slog.Level {
	switch {
	case slices.Contains(lossy, message), l >= slog.LevelError:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// Enabled answers for the highest level that records of l can get.
func (q *quiet) Enabled(ctx context.Context, l slog.Level) bool {
	if l >= slog.LevelWarn {
		return q.inner.Enabled(ctx, slog.LevelWarn)
	}
	return q.inner.Enabled(ctx, slog.LevelDebug)
}

func (q *quiet) Handle(ctx context.Context, r slog.Record) error {
	l := level(r.Level, r.Message)
	if !q.inner.Enabled(ctx, l) {
		return nil
	}
	message := "embedded broker: " + r.Message
	if slices.Contains(lossy, r.Message) {
		if !q.lossy.Allow() {
			return nil
		}
		message = "the embedded broker drops messages for a client that does not acknowledge them"
	}
	out := slog.NewRecord(r.Time, l, message, r.PC)
	r.Attrs(func(a slog.Attr) bool {
		if a, ok := shown(a); ok {
			out.AddAttrs(a)
		}
		return true
	})
	return q.inner.Handle(ctx, out)
}

func (q *quiet) WithAttrs(attrs []slog.Attr) slog.Handler {
	var kept []slog.Attr
	for _, a := range attrs {
		if a, ok := shown(a); ok {
			kept = append(kept, a)
		}
	}
	return &quiet{inner: q.inner.WithAttrs(kept), lossy: q.lossy}
}

func (q *quiet) WithGroup(name string) slog.Handler {
	return &quiet{inner: q.inner.WithGroup(name), lossy: q.lossy}
}

// shown leaves packets out, and gives errors the key that they have everywhere here.
func shown(a slog.Attr) (slog.Attr, bool) {
	switch a.Key {
	case "pk", "packet":
		return a, false
	case "error":
		a.Key = "err"
	}
	return a, true
}

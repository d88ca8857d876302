package mqttio

import (
	"context"
	"errors"
	"log/slog"

	"github.com/google/uuid"
)

// Probe connects to broker as the process would, under a client id of its own, and
// leaves again: it is for somebody who wants to know whether that works.
func Probe(ctx context.Context, cfg Config, broker string) error {
	l, err := newLink(cfg, broker, checkID(), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	return l.probe(ctx)
}

func (l *link) probe(ctx context.Context) error {
	c, err := l.connect(ctx)
	for err != nil && l.versions.unclear > 0 && l.versions.unclear <= unclear5 && ctx.Err() == nil {
		c, err = l.connect(ctx) // the broker may yet accept the other version
	}
	if err != nil {
		return errors.New(connectReason(l.broker.String(), err))
	}
	c.leave()
	return nil
}

// checkID is a client ID for a connection that only checks something.
func checkID() string { return "pulltrail-check-" + uuid.NewString()[:8] }

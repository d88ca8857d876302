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
	l, err := newLink(cfg, broker, "pulltrail-check-"+uuid.NewString()[:8], slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	c, err := l.connect(ctx)
	// The broker may yet take the other version.
	for tries := 0; err != nil && tries < closedTries && (l.versions.closed > 0 || l.versions.settled && !l.silent); tries++ {
		c, err = l.connect(ctx)
	}
	if err != nil {
		return errors.New(connectReason(l.broker.String(), err))
	}
	c.leave()
	return nil
}

package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/document"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/outbox"
	"pulltrail/mqttio"
)

// errNoCollector answers those who ask an indexer to collect.
var errNoCollector = fmt.Errorf("this process collects nothing, because mode is %s: ask the one that collects, or write mode: %s", config.ModeIndexer, config.ModeBoth)

// errUnheard leaves a snapshot in the outbox of a collector that receives nothing.
var errUnheard = errors.New("nobody is subscribed to its topic, and the broker does not retain it")

// acknowledged is what a collector without an indexer does with a snapshot that the
// broker has acknowledged: nothing comes back, so that has to do. It keeps a history of
// its own, by which it knows what it has taken. What the broker has dropped, because
// nobody is subscribed, stays in the outbox and is published again.
func acknowledged(trail *history.Store, waiting *outbox.Outbox) func(context.Context, mqttio.Acknowledgement) error {
	return func(ctx context.Context, a mqttio.Acknowledgement) error {
		if !a.Kept {
			return errUnheard
		}
		outcomes, err := trail.Append(ctx, []document.Message{{Topic: a.Topic, Payload: a.Payload, Received: time.Now().UTC()}})
		if err != nil {
			return err
		}
		if err := outcomes[0].Err; err != nil {
			return err
		}
		return waiting.Confirm(ctx, []string{a.ID})
	}
}

// noCollector is the collecting of a process that does none.
type noCollector struct{}

// Collect says who should be asked.
func (noCollector) Collect(context.Context, []hub.Repository, time.Duration, func(control.Result)) (control.Summary, error) {
	return control.Summary{}, errNoCollector
}

// leftBehind warns of snapshots that a collector of this data directory has not sent.
func leftBehind(ctx context.Context, waiting *outbox.Outbox) (string, error) {
	n, err := waiting.Len(ctx)
	if err != nil || n == 0 {
		return "", err
	}
	return fmt.Sprintf("%s in the outbox of this data directory and not sent: start it once with mode: %s", counted(n, "snapshot is", "snapshots are"), config.ModeBoth), nil
}

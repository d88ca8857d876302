package app

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/database"
	"pulltrail/internal/datadir"
	"pulltrail/internal/document"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/outbox"
	"pulltrail/internal/rollup"
	"pulltrail/internal/state"
)

// archive is what a person can do with history: a control.History.
type archive struct {
	growth
	history *history.Store
	places  *state.Store
	topic   func(hub.Repository) string
	now     func() time.Time
}

func newArchive(cfg config.Config, stored *history.Store, places *state.Store, curves *rollup.Rollup, waiting *outbox.Outbox) *archive {
	return &archive{
		growth: growth{curves, waiting}, history: stored, places: places, topic: cfg.MQTT.SnapshotTopic, now: time.Now,
	}
}

// WithArchive calls task with the history in the data directory and nothing else of the
// process, where no daemon runs. What is imported goes to the sinks when one runs again.
func WithArchive(ctx context.Context, cfg config.Config, task func(context.Context, control.History) error) (err error) {
	dir, err := datadir.Open(cfg.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	db, err := database.Open(ctx, dir.Database())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	stored := history.New(db)
	curves, err := newCurves(cfg, stored, slog.New(slog.DiscardHandler)) // only Run logs
	if err != nil {
		return err
	}
	return task(ctx, newArchive(cfg, stored, state.New(db), curves, outbox.New(db)))
}

// Place is where the import of a source was broken off.
func (a *archive) Place(ctx context.Context, source string) (string, error) {
	place, _, err := a.places.Place(ctx, source)
	return place, err
}

// Import stores snapshots as if they had come by MQTT, under the topic that they would
// have today, so that sinks get them as they follow history.
func (a *archive) Import(ctx context.Context, batch control.Batch) (imported control.Imported, err error) {
	messages, err := a.messages(ctx, batch.Snapshots)
	if err != nil {
		return imported, err
	}
	outcomes, err := a.history.Append(ctx, messages)
	if err != nil {
		return imported, err
	}
	for i, o := range outcomes {
		switch {
		case o.Err != nil:
			imported.Refused = append(imported.Refused, control.RefusedSnapshot{Index: i, Reason: o.Err.Error()})
		case o.Already:
			imported.There++
		default:
			imported.New++
		}
	}
	switch {
	case batch.Source == "":
	case batch.Done:
		err = a.places.ForgetPlace(ctx, batch.Source)
	case batch.Place != "":
		err = a.places.SetPlace(ctx, batch.Source, batch.Place)
	}
	return imported, err
}

// messages gives snapshots a topic. One that does not say whether its repository is
// private is as private as that is known to be: an old number shows nobody a repository
// that is hidden today.
func (a *archive) messages(ctx context.Context, snapshots [][]byte) ([]document.Message, error) {
	messages := make([]document.Message, len(snapshots))
	private := map[hub.Repository]bool{}
	for i, payload := range snapshots {
		messages[i] = document.Message{Payload: payload, Received: a.now().UTC()}
		s, err := hub.Parse(payload)
		if err != nil {
			continue // history says so
		}
		messages[i].Topic = a.topic(s.Repository)
		if _, known := private[s.Repository]; !known {
			found, _, err := a.history.Repository(ctx, s.Repository)
			if err != nil {
				return nil, err
			}
			private[s.Repository] = found.Private
		}
		if s.Private {
			private[s.Repository] = true
		}
		if private[s.Repository] {
			messages[i].Payload = hide(s)
		}
	}
	return messages, nil
}

// hide is a snapshot that says that its repository is private unless it says that it is
// not.
func hide(s hub.Snapshot) []byte {
	const key = "is_private"
	fields := s.Fields()
	for _, f := range fields {
		if f.Key == key {
			return s.Encode()
		}
	}
	return hub.EncodeObject(append(fields[:len(fields):len(fields)], hub.Field{Key: key, Value: []byte("true")}))
}

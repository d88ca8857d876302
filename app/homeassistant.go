package app

import (
	"context"
	"log/slog"
	"time"

	"pulltrail/internal/homeassistant"
	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/state"
	"pulltrail/internal/trail"
	"pulltrail/internal/version"
	"pulltrail/mqttio"
)

// announceToHomeAssistant gives what tells Home Assistant of the repositories; nil where
// nobody wants it and nothing of an earlier start is to be taken back.
func announceToHomeAssistant(ctx context.Context, cfg mqttio.Config, identity string, publisher *mqttio.Publisher, memory *state.Store, who tracked, curves *rollup.Rollup, log *slog.Logger) (*homeassistant.Announcer, error) {
	opts := homeassistant.Options{
		Settings: homeassistant.Settings{
			Prefix: cfg.HomeAssistant.Prefix, SnapshotTopic: cfg.SnapshotTopic,
			DerivedTopic: func(r hub.Repository) string { return cfg.DerivedTopic(identity, r) },
			StatusTopic:  cfg.StatusTopicOf(identity), Version: version.Short(),
		},
		Publisher: publisher, Memory: memory, Notify: who.trail.Notify, Log: log,
	}
	if cfg.HomeAssistant.Discovery {
		opts.Repositories = announced{who, curves}.repositories
		return homeassistant.New(opts), nil
	}
	topics, err := memory.Announced(ctx)
	if err != nil || len(topics) == 0 {
		return nil, err
	}
	return homeassistant.New(opts), nil
}

// announced is what Home Assistant is told of: what is tracked and has a snapshot.
type announced struct {
	who    tracked
	curves *rollup.Rollup
}

func (a announced) repositories(ctx context.Context) ([]homeassistant.Repository, error) {
	names, err := a.who.all(ctx)
	if err != nil {
		return nil, err
	}
	trails, err := a.curves.Trails(ctx)
	if err != nil {
		return nil, err
	}
	known := make(map[hub.Repository]*rollup.Trail, len(trails))
	for _, t := range trails {
		known[t.Repository] = t
	}
	var all []homeassistant.Repository
	now := time.Now()
	for _, r := range names {
		if t := known[r]; t != nil {
			all = append(all, announcedAs(t, now))
		}
	}
	return all, nil
}

func announcedAs(t *rollup.Trail, now time.Time) homeassistant.Repository {
	const day = 24 * time.Hour
	return homeassistant.Repository{
		Repository: t.Repository, Timestamp: t.Newest.Timestamp,
		Day: whole(t.Recent(day, now)), Week: whole(t.Recent(7*day, now)),
	}
}

// whole is nil where not all of the time is known: the pulls of half a day are not those of
// a day.
func whole(c trail.Change) *int64 {
	if !c.Now.Whole() {
		return nil
	}
	return &c.Now.Pulls
}

// toldHomeAssistant reports whether a message of a topic is what a Pulltrail tells Home
// Assistant. It is nothing to be stored, whatever the routes say.
func toldHomeAssistant(cfg mqttio.Config) func(topic string) bool {
	return func(topic string) bool {
		return cfg.IsDerived(topic) || homeassistant.IsConfig(cfg.HomeAssistant.Prefix, topic)
	}
}

package app

import (
	"context"
	"errors"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/indexer"
	"pulltrail/internal/config"
	"pulltrail/internal/datadir"
	"pulltrail/internal/deadletter"
	"pulltrail/internal/document"
	"pulltrail/internal/history"
	"pulltrail/internal/journal"
	"pulltrail/internal/outbox"
	"pulltrail/internal/state"
	"pulltrail/mqttio"
)

// The names of the logs, by which cursors and dead letters are kept.
const (
	historyLog = "history"
	journalLog = "journal"
)

// intake is what stands behind the subscriptions: the stores that take messages,
// and the followers that carry them on to the sinks.
type intake struct {
	router    *indexer.Router
	history   *history.Store
	journal   *journal.Journal // nil without document routes
	slowest   slowest          // of the sinks that follow the journal
	letters   *deadletter.Store
	followers []*indexer.Follower
	clusters  []*indexer.Cluster
	log       *slog.Logger
	registry  prometheus.Registerer
}

type intakeOptions struct {
	dir      *datadir.Dir
	router   *indexer.Router
	trail    *history.Store
	letters  *deadletter.Store
	cursors  *state.Store
	log      *slog.Logger
	registry prometheus.Registerer
}

// openIntake opens the journal where a route needs it, and lets the sinks follow; a
// process that receives nothing has neither.
func openIntake(cfg config.Config, o intakeOptions, ps *parts) (*intake, error) {
	in := &intake{router: o.router, history: o.trail, letters: o.letters, log: o.log, registry: o.registry}
	if !cfg.Receives() {
		return in, nil
	}
	if len(o.router.Filters(indexer.KindDocument)) > 0 {
		var err error
		in.journal, err = journal.Open(o.dir.Journal(), journal.Options{
			MaxBytes: cfg.Indexer.JournalMaxBytes, Log: o.log, Registerer: o.registry,
		})
		if err != nil {
			return nil, err
		}
		ps.close("journal", in.journal.Close)
	}
	for _, cluster := range cfg.Indexer.Clusters() {
		sink, err := cluster.Open(indexer.ClusterOptions{Log: o.log})
		if err != nil {
			return nil, err
		}
		ps.close(sink.String(), sink.Close)
		in.clusters = append(in.clusters, sink)
		in.follow(cfg, o, sink, ps)
	}
	return in, nil
}

// follow lets a sink follow each log.
func (in *intake) follow(cfg config.Config, o intakeOptions, sink indexer.Sink, ps *parts) {
	add := func(name string, log indexer.Log, id func(document.Position) string, router *indexer.Router, advanced func(document.Position)) {
		f := indexer.NewFollower(indexer.FollowerOptions{
			Name: name, Log: log, LogID: id, Sink: sink, Router: router, Cursors: o.cursors, DeadLetters: o.letters,
			Concurrency: cfg.Indexer.Concurrency, BatchSize: cfg.Indexer.BatchSize, BatchBytes: cfg.Indexer.BatchBytes,
			Logger: o.log, Registerer: o.registry, OnAdvance: advanced,
		})
		in.followers = append(in.followers, f)
		ps.run(sink.String()+" after "+name, f.Run)
	}
	if len(o.router.Filters(indexer.KindSnapshot)) > 0 {
		add(historyLog, o.trail, nil, o.router.ForHistory(cfg.MQTT.OwnFilter()), nil)
	}
	if in.journal != nil {
		add(journalLog, in.journal, in.journal.ID, o.router, in.slowest.add(in.truncate))
	}
}

// truncate gives back the space of what every sink of the journal has stored.
func (in *intake) truncate(stored document.Position) {
	if err := in.journal.Truncate(stored + 1); err != nil {
		in.log.Warn("cannot free space in the journal", "err", err)
	}
}

// subscribe makes one MQTT session for each store, so that a journal at its bound
// holds up nothing but documents.
func subscribe(cfg mqttio.Config, brokerURL, identity string, in *intake, versions mqttio.VersionMemory, waiting *outbox.Outbox, ps *parts) ([]*mqttio.Subscriber, error) {
	var subscribers []*mqttio.Subscriber
	told := toldHomeAssistant(cfg)
	add := func(name, kind string, store mqttio.Store, confirm func(context.Context, []string) error) error {
		s, err := mqttio.NewSubscriber(cfg, mqttio.SubscriberOptions{
			Name: name, Filters: in.router.Filters(kind),
			Accept: func(topic string) bool {
				k, ok := in.router.Kind(topic)
				return ok && k == kind && !told(topic)
			},
			Store: store, DeadLetters: in.letters, Confirm: confirm,
			Log: in.log, Registerer: in.registry, Broker: brokerURL, ClientID: identity, Versions: versions,
		})
		if err != nil {
			return err
		}
		subscribers = append(subscribers, s)
		ps.run("subscriber of "+name, s.Run)
		return nil
	}
	var err error
	if len(in.router.Filters(indexer.KindSnapshot)) > 0 {
		err = add("snapshots", indexer.KindSnapshot, in.history, waiting.Confirm)
	}
	if in.journal != nil {
		err = errors.Join(err, add("documents", indexer.KindDocument, documentStore{in.router, in.journal}, nil))
	}
	return subscribers, err
}

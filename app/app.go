// Package app wires the parts of Pulltrail into one process and supervises them.
//
// Run is one straight function: it opens what is durable, then adds the parts in
// the order in which a snapshot would need them last: sinks before logs before
// subscribers before the publisher before the scheduler. They start in that order
// and stop in reverse, so that whoever is still at work can hand on what it has.
package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"pulltrail/collector"
	"pulltrail/indexer"
	"pulltrail/internal/broker"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/database"
	"pulltrail/internal/datadir"
	"pulltrail/internal/deadletter"
	"pulltrail/internal/history"
	"pulltrail/internal/homeassistant"
	"pulltrail/internal/outbox"
	"pulltrail/internal/roster"
	"pulltrail/internal/state"
	"pulltrail/internal/version"
	"pulltrail/internal/web"
	"pulltrail/mqttio"
	"pulltrail/scheduler"
)

// collectJob is the job of the scheduler that polls.
const collectJob = "collect"

// Options are what does not come from the configuration file.
type Options struct {
	Log *slog.Logger
	// Task makes the process a short one: there is no schedule, no page and no
	// control socket; Task is called when all parts have started, and its end is
	// the end of Run.
	Task func(context.Context, control.Daemon) error
	// Demo says on every page that the numbers are simulated.
	Demo bool
	// Ready, where set, is called once everything listens, with the addresses.
	Ready func(Addresses)
	// Watch, where set, is a part that starts last and stops first: it tells whoever
	// supervises the process how it is doing. probe reads history, as long as its context
	// lets it.
	Watch func(ctx context.Context, probe func(context.Context) error) error
}

// Addresses are where the process listens; empty where it does not.
type Addresses struct{ Web, Broker string }

// Run is the whole process: it returns when ctx is done and everything has
// stopped, or when a part has failed. The configuration must be valid.
func Run(ctx context.Context, cfg config.Config, opts Options) (err error) {
	var ps parts
	defer func() {
		if err != nil && len(ps) > 0 { // the wiring failed: supervise has not taken over
			err = errors.Join(err, ps.abandon())
		}
	}()
	started, log := time.Now(), opts.Log
	if !cfg.Collects() {
		cfg.Collector.Repositories = nil // nothing is tracked here; history shows what arrives
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo())
	var addresses Addresses

	// What is durable.
	dir, err := datadir.Open(cfg.DataDir)
	if err != nil {
		return err
	}
	ps.close("data directory", dir.Close)
	db, err := database.Open(ctx, dir.Database())
	if err != nil {
		return err
	}
	ps.close("database", db.Close)
	store := state.New(db)
	waiting := outbox.New(db)
	trail := history.New(db)
	letters := deadletter.New(db, deadletter.Options{})
	reports := roster.New(db)
	registerStored(registry, waiting, letters, log)

	identity, err := clientID(ctx, cfg.MQTT, store)
	if err != nil {
		return err
	}
	// The broker.
	brokerURL := cfg.MQTT.URL
	if brokerURL == "" {
		b, err := embedBroker(ctx, cfg.MQTT, identity, trail, log)
		if err != nil {
			return err
		}
		ps.add("embedded broker", b.Serve, b.Close)
		addresses.Broker = b.Addr().String()
		brokerURL = "mqtt://" + reachable(addresses.Broker)
		cfg.MQTT.Username, cfg.MQTT.Password = b.Credentials()
	}
	// The sinks follow the logs.
	routes := cfg.Indexer.EffectiveRoutes(cfg.MQTT.OwnFilter())
	router, err := indexer.NewRouter(routes)
	if err != nil {
		return err
	}
	in, err := openIntake(cfg, intakeOptions{
		dir: dir, router: router, trail: trail, letters: letters, cursors: store,
		log: log, registry: registry,
	}, &ps)
	if err != nil {
		return err
	}
	// MQTT, both ways.
	var subscribers []*mqttio.Subscriber
	sending := mqttio.PublisherOptions{Outbox: waiting, Log: log, Registerer: registry, Broker: brokerURL, ClientID: identity}
	if cfg.Receives() {
		if subscribers, err = subscribe(cfg.MQTT, brokerURL, identity, in, waiting, &ps); err != nil {
			return err
		}
		sending.Again = subscribers[0].Subscribed() // the one of snapshots
	} else {
		sending.Acknowledged = acknowledged(trail, waiting)
	}
	publisher, err := mqttio.NewPublisher(cfg.MQTT, sending)
	if err != nil {
		return err
	}
	if cfg.Collects() {
		ps.run("publisher", publisher.Run)
	} else if warning, err := leftBehind(ctx, waiting); err != nil {
		return err
	} else if warning != "" {
		log.Warn(warning)
	}
	// The collector and what makes it run.
	poller, err := collector.New(cfg.Collector, collector.Options{
		Outbox: waiting, Known: known{waiting, trail}, Roster: reports, Log: log, Registerer: registry, Version: version.Short(),
	})
	if err != nil {
		return err
	}
	run := &collection{
		collector: poller, outbox: waiting, history: trail,
		publisher: publisher, followers: in.followers,
	}
	// The curves, for the page and for commands.
	curves, err := newCurves(cfg, trail, log)
	if err != nil {
		return err
	}
	asked := daemon{run, in.letterbox(cfg.MQTT.MaxPayload), newArchive(cfg, trail, store, curves), indices{in.clusters}, keeper{dir, in.journal}}
	if !cfg.Collects() {
		asked.Collector = noCollector{}
	}
	if opts.Task != nil {
		run.trigger = run.now
		return takeOver(ctx, log, &ps, func(ctx context.Context) error { return opts.Task(ctx, asked) })
	}
	who := tracked{reports, poller.Plan(), cfg.Collector.GoneAfter, trail, cfg.Collector.Username != ""}
	var announcer *homeassistant.Announcer
	if cfg.Collects() {
		if err := who.tidy(ctx); err != nil {
			return err
		}
		if announcer, err = announceToHomeAssistant(ctx, cfg.MQTT, identity, publisher, store, who, curves, log); err != nil {
			return err
		}
	}
	if announcer != nil {
		ps.run("Home Assistant", announcer.Run)
	}
	jobs := []scheduler.Spec{{
		Name: collectJob, Schedule: cfg.Collector.Schedule, Timezone: cfg.Collector.Timezone,
		Jitter: cfg.Collector.Jitter, Deadline: cfg.Collector.Deadline, RunOnStart: cfg.Collector.RunOnStart,
		Job: run.job,
	}}
	if !cfg.Collects() {
		jobs = nil
	}
	care, err := in.retention(cfg)
	if err != nil {
		return err
	}
	jobs = append(jobs, care...)
	schedule, err := scheduler.New(scheduler.Options{Ledger: store, Log: log, Registerer: registry}, jobs...)
	if err != nil {
		return err
	}
	run.trigger = func(ctx context.Context) error { return schedule.Trigger(ctx, collectJob) }
	asks := newOnDemand(run.trigger, func() bool { return collectStatus(schedule).Running }, log)
	asks.never = !cfg.Collects()
	if len(jobs) > 0 {
		ps.run("scheduler", schedule.Run)
	}
	if cfg.Collects() {
		ps.run("runs on demand", asks.Run)
	}
	commands, err := control.Listen(datadir.ControlSocket(cfg.DataDir), asked, log)
	if err != nil {
		return err
	}
	ps.add("control socket", commands.Run, commands.Close)
	ps.run("curves", curves.Run)
	// The page last: whoever sees it sees a process that works.
	shown, err := handler(shownParts{
		registry: registry, roster: who, trail: trail, curves: curves, journal: in.journal, letters: letters,
		schedule: schedule, poller: poller, publisher: publisher, subscribers: subscribers, followers: in.followers, announcer: announcer, log: log,
		demo: opts.Demo, signIn: cfg.Web.Public && cfg.Web.Username != "", gauged: cfg.Web.MetricsRepositories,
		collects: cfg.Collects(), started: started, collector: cfg.Collector, outbox: waiting, database: dir.Database(), runs: asks,
	})
	if err != nil {
		return err
	}
	pages := web.New(cfg.Web, shown, log)
	if err := pages.Listen(); err != nil {
		return err
	}
	ps.add("web", pages.Serve, pages.Close)
	addresses.Web = pages.Addr().String()
	if opts.Watch != nil {
		ps.run("watch", func(ctx context.Context) error {
			return opts.Watch(ctx, func(ctx context.Context) error { _, err := trail.Head(ctx); return err })
		})
	}

	log.Info("pulltrail has started", "version", version.Short(), "mode", cfg.Mode, "page", "http://"+addresses.Web+"/",
		"broker", brokerURL, "data_dir", cfg.DataDir, "repositories", len(poller.Plan().Names), "namespaces", len(poller.Plan().Namespaces))
	if opts.Ready != nil {
		opts.Ready(addresses)
	}
	return takeOver(ctx, log, &ps, nil)
}

// takeOver hands the parts to supervise, which closes them whatever happens.
func takeOver(ctx context.Context, log *slog.Logger, ps *parts, task func(context.Context) error) error {
	all := *ps
	*ps = nil
	err := supervise(ctx, log, all, task)
	log.Info("pulltrail has stopped")
	return err
}

// clientID is the configured one, or the one that was made for this data
// directory when it was new: the broker keeps the session by it.
func clientID(ctx context.Context, cfg mqttio.Config, store *state.Store) (string, error) {
	if cfg.ClientID != "" {
		return cfg.ClientID, nil
	}
	id, err := store.SetMetaOnce(ctx, "client_id", "pulltrail-"+uuid.NewString()[:8])
	if err != nil {
		return "", fmt.Errorf("make a client id: %w", err)
	}
	return id, nil
}

// reachable is where this machine reaches what listens on address, which may be all its
// addresses.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	ip := net.ParseIP(host)
	switch {
	case err != nil || ip == nil || !ip.IsUnspecified():
		return address
	case ip.To4() != nil:
		return net.JoinHostPort("127.0.0.1", port)
	}
	return net.JoinHostPort("localhost", port) // ::, which is also that of IPv4
}

// embedBroker starts listening, and gives the broker back the messages that it
// retained before the process ended, which it keeps in memory only.
func embedBroker(ctx context.Context, cfg mqttio.Config, identity string, trail *history.Store, log *slog.Logger) (*broker.Broker, error) {
	if warning := cfg.Embedded.Warning(); warning != "" {
		log.Warn(warning)
	}
	users, err := cfg.Embedded.Accounts()
	if err != nil {
		return nil, err
	}
	b, err := broker.New(broker.Options{
		Listen: cfg.Embedded.Listen,
		TLS:    broker.TLS{Listen: cfg.Embedded.ListenTLS, CertFile: cfg.Embedded.TLS.CertFile, KeyFile: cfg.Embedded.TLS.KeyFile},
		Users:  users, ClientID: identity, Log: log,
	})
	if err != nil {
		return nil, err
	}
	if err := b.Listen(); err != nil {
		return nil, err
	}
	if !cfg.Retain {
		return b, nil
	}
	repositories, err := trail.Repositories(ctx)
	// On a topic that repositories share, the newest must be the last.
	slices.SortFunc(repositories, func(a, b history.Repository) int { return a.Newest.Slot.Compare(b.Newest.Slot) })
	for _, r := range repositories {
		err = errors.Join(err, b.Retain(cfg.SnapshotTopic(r.Repository), r.Newest.Encode()))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("restore the retained messages: %w", err), b.Close())
	}
	return b, nil
}

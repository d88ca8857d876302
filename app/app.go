// Package app wires the parts of Pulltrail into one process and supervises them.
//
// Run opens what stays as long as the process lives: what is durable, the broker inside,
// the address of the page. A generation is everything else: one straight function adds the
// parts in the order in which a snapshot would need them last: sinks before logs before
// subscribers before the publisher before the scheduler. They start in that order and stop
// in reverse, so that whoever is still at work can hand on what it has. A configuration
// that is read anew while the process runs makes the next generation.
package app

import (
	"context"
	"errors"
	"log/slog"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"pulltrail/collector"
	"pulltrail/indexer"
	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/datadir"
	"pulltrail/internal/homeassistant"
	"pulltrail/internal/tlsconf"
	"pulltrail/internal/version"
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
	// Reload reads the configuration anew; nil where that is not possible. It is called when
	// Hangup says so, and for a command.
	Reload func() (config.Config, error)
	Hangup <-chan os.Signal
	// Level, where set, is what Log heeds; it follows the key log.level.
	Level *slog.LevelVar
	// Demo says on every page that the numbers are simulated.
	Demo bool
	// Ready, where set, is called once everything listens, with the addresses.
	Ready func(Addresses)
	// Watch, where set, begins after Ready and lasts until ctx is done: it tells whoever
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
	b, err := openBase(ctx, cfg, opts, &ps)
	if err != nil {
		return errors.Join(err, ps.abandon())
	}
	err = supervise(ctx, opts.Log, ps, func(ctx context.Context) error { return b.live(ctx, cfg) })
	opts.Log.Info("pulltrail has stopped")
	return err
}

// generation is the process as one configuration has it, until ctx is done or a part has
// failed. It calls begun when everything has started.
func (b *base) generation(ctx context.Context, cfg config.Config, begun func()) (err error) {
	var ps parts
	defer func() {
		if err != nil && len(ps) > 0 { // the wiring failed: supervise has not taken over
			err = errors.Join(err, ps.abandon())
		}
	}()
	opts, log := b.opts, b.opts.Log
	store, waiting, trail, letters, reports, identity := b.state, b.outbox, b.history, b.letters, b.roster, b.identity
	if !cfg.Collects() {
		cfg.Collector.Repositories = nil // nothing is tracked here; history shows what arrives
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), buildInfo())
	b.reloads.register(registry)

	// The broker.
	brokerURL := cfg.MQTT.URL
	if brokerURL == "" {
		if err := b.broker.Register(registry); err != nil {
			return err
		}
		brokerURL = "mqtt://" + tlsconf.Local(b.addresses.Broker)
		cfg.MQTT.Username, cfg.MQTT.Password = b.broker.Credentials()
	}
	// The sinks follow the logs.
	routes := cfg.Indexer.EffectiveRoutes(cfg.MQTT.OwnFilter())
	router, err := indexer.NewRouter(routes)
	if err != nil {
		return err
	}
	in, err := openIntake(cfg, intakeOptions{
		dir: b.dir, router: router, trail: trail, letters: letters, cursors: store,
		log: log, registry: registry,
	}, &ps)
	if err != nil {
		return err
	}
	// MQTT, both ways.
	var subscribers []*mqttio.Subscriber
	sending := mqttio.PublisherOptions{Outbox: waiting, Log: log, Registerer: registry, Broker: brokerURL, ClientID: identity, Versions: store}
	if cfg.Receives() {
		if subscribers, err = subscribe(cfg.MQTT, brokerURL, identity, in, store, waiting, &ps); err != nil {
			return err
		}
		sending.Again = subscribers[0].Subscribed() // the one of snapshots
		b.serve(subscribers, &ps)
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
		fresh: uncollected{poller.Plan(), waiting, trail, reports},
	}
	// The curves, for the page and for commands.
	curves, err := newCurves(cfg, trail, log)
	if err != nil {
		return err
	}
	asked := daemon{run, in.letterbox(cfg.MQTT.MaxPayload), newArchive(cfg, trail, store, curves, waiting), indices{in.clusters}, b.reloads, keeper{b.dir, in.journal}}
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
		Missing: run.fresh.any, Job: run.job,
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
	run.trigger = func(ctx context.Context) error { return onceRunning(ctx, schedule) }
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
	values := scraped{newStored(waiting, letters, log), newGauges(curves, who, cfg.Web.MetricsRepositories, log)}
	ps.run("metrics of what waits", values.stored.Run)
	ps.run("metrics of repositories", values.gauges.Run)
	// The page last: whoever sees it sees a process that works.
	shown, err := handler(shownParts{
		registry: registry, roster: who, trail: trail, curves: curves, journal: in.journal, letters: letters,
		schedule: schedule, poller: poller, publisher: publisher, subscribers: subscribers, followers: in.followers, announcer: announcer, log: log,
		demo: opts.Demo, signIn: cfg.Web.Public && cfg.Web.Username != "", scraped: values,
		collects: cfg.Collects(), started: b.started, collector: cfg.Collector, outbox: waiting, database: b.dir.Database(), runs: asks, broker: b.broker,
	})
	if err != nil {
		return err
	}
	site, err := b.page.Site(cfg.Web, shown)
	if err != nil {
		return err
	}
	ps.run("web", site.Run)

	log.Info(b.reloads.greeting(), "version", version.Short(), "mode", cfg.Mode, "page", "http://"+b.addresses.Web+"/",
		"broker", brokerURL, "data_dir", cfg.DataDir, "repositories", len(poller.Plan().Names), "namespaces", len(poller.Plan().Namespaces))
	begun()
	return takeOver(ctx, log, &ps, nil)
}

// takeOver hands the parts to supervise, which closes them whatever happens.
func takeOver(ctx context.Context, log *slog.Logger, ps *parts, task func(context.Context) error) error {
	all := *ps
	*ps = nil
	return supervise(ctx, log, all, task)
}

package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"pulltrail/internal/broker"
	"pulltrail/internal/config"
	"pulltrail/internal/database"
	"pulltrail/internal/datadir"
	"pulltrail/internal/deadletter"
	"pulltrail/internal/history"
	"pulltrail/internal/outbox"
	"pulltrail/internal/roster"
	"pulltrail/internal/state"
	"pulltrail/internal/web"
	"pulltrail/mqttio"
)

// base is what stays as long as the process lives, whatever becomes of the rest of the
// configuration: see config.FixedBetween.
type base struct {
	opts    Options
	started time.Time

	dir     *datadir.Dir
	state   *state.Store
	outbox  *outbox.Outbox
	history *history.Store
	letters *deadletter.Store
	roster  *roster.Store

	identity  string
	broker    *broker.Broker // nil where another one is used
	inside    insideFiles    // what it is made of
	page      *web.Server    // nil for a task
	addresses Addresses

	reloads *reloads
	ready   chan struct{} // closed when everything listens for the first time
	once    sync.Once
}

// openBase opens what stays, and notes in ps what has to run and to be closed.
func openBase(ctx context.Context, cfg config.Config, opts Options, ps *parts) (*base, error) {
	b := &base{opts: opts, started: time.Now(), ready: make(chan struct{})}
	b.reloads = newReloads(opts.Reload, b.fixed, opts.Log)
	var err error
	if b.dir, err = datadir.Open(cfg.DataDir); err != nil {
		return nil, err
	}
	ps.close("data directory", b.dir.Close)
	db, err := database.Open(ctx, b.dir.Database())
	if err != nil {
		return nil, err
	}
	ps.close("database", db.Close)
	b.state, b.outbox, b.history, b.roster = state.New(db), outbox.New(db), history.New(db), roster.New(db)
	b.history.Trust(b.outbox.Has)
	b.letters = deadletter.New(db, deadletter.Options{})
	if b.identity, err = clientID(ctx, cfg.MQTT, b.state); err != nil {
		return nil, err
	}
	if cfg.MQTT.URL == "" {
		if b.inside, err = filesInside(cfg.MQTT.Embedded); err != nil {
			return nil, err
		}
		if b.broker, err = embedBroker(ctx, cfg.MQTT, b.inside.accounts, b.identity, b.history, opts.Log); err != nil {
			return nil, err
		}
		ps.add("embedded broker", b.broker.Serve, b.broker.Close)
		b.addresses.Broker = b.broker.Addr().String()
	}
	if opts.Task != nil {
		return b, nil
	}
	if b.page, err = web.Listen(cfg.Web.Listen, opts.Log); err != nil {
		return nil, err
	}
	ps.add("web server", b.page.Serve, b.page.Close)
	b.addresses.Web = b.page.Addr().String()
	return b, nil
}

// live is everything on this base, until ctx is done.
func (b *base) live(ctx context.Context, cfg config.Config) error {
	ctx, end := context.WithCancel(ctx)
	defer end()
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		defer end()
		return b.generations(ctx, cfg)
	})
	group.Go(func() error { return b.watch(ctx) })
	group.Go(func() error { return b.reloads.heed(ctx, b.opts.Hangup) })
	return group.Wait()
}

// generations run one after the other. A configuration that was read anew and cannot begin
// is refused as a whole: the one before it begins again.
func (b *base) generations(ctx context.Context, cfg config.Config) error {
	var before *config.Config // until the one that was read anew has begun
	for {
		life, end := context.WithCancel(ctx)
		err := b.generation(life, cfg, func() { b.begun(cfg, end) })
		end()
		next, begun := b.reloads.ended()
		if next != nil && err != nil && !errors.Is(err, errStuck) {
			// It is over, and what it could not do in order is durable: that is no reason to end.
			b.opts.Log.Error("previous configuration did not stop cleanly", "err", err)
			err = nil
		}
		switch {
		case !begun && before != nil && ctx.Err() == nil:
			b.reloads.settle(err)
			cfg, before = *before, nil
		case err != nil || next == nil || ctx.Err() != nil:
			return err
		default:
			last := cfg
			cfg, before = *next, &last
		}
	}
}

// begun says that everything of a generation has started.
func (b *base) begun(cfg config.Config, end context.CancelFunc) {
	if b.opts.Level != nil {
		if err := b.opts.Level.UnmarshalText([]byte(cfg.Log.Level)); err != nil {
			b.opts.Log.Warn("log level not changed", "err", err)
		}
	}
	if b.broker != nil {
		if dropped := b.broker.Dismiss(); dropped > 0 {
			b.opts.Log.Warn("dropped messages that the embedded broker had acknowledged, because no route takes them any more", "messages", dropped)
		}
	}
	b.reloads.begun(cfg, end)
	b.once.Do(func() {
		if b.opts.Ready != nil {
			b.opts.Ready(b.addresses)
		}
		close(b.ready)
	})
}

// watch lasts from the first time that everything listens until ctx is done.
func (b *base) watch(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-b.ready:
	}
	if b.opts.Watch == nil {
		return nil
	}
	err := b.opts.Watch(ctx, func(ctx context.Context) error {
		_, err := b.history.Head(ctx)
		return err
	})
	if err == nil && ctx.Err() == nil {
		err = errors.New("ended by itself")
	}
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	return nil
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

package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"pulltrail/internal/broker"
	"pulltrail/internal/config"
	"pulltrail/internal/history"
	"pulltrail/mqttio"
)

// embedBroker starts listening, lets in whom accounts names, and gives the broker back the messages that it
// retained before the process ended, which it keeps in memory only.
func embedBroker(ctx context.Context, cfg mqttio.Config, accounts map[string]string, identity string, trail *history.Store, log *slog.Logger) (*broker.Broker, error) {
	if warning := cfg.Embedded.Warning(); warning != "" {
		log.Warn(warning)
	}
	address, chosen := cfg.Embedded.Address()
	b, err := broker.New(broker.Options{
		Listen: address, OrFree: !chosen,
		TLS:   broker.TLS{Listen: cfg.Embedded.ListenTLS, CertFile: cfg.Embedded.TLS.CertFile, KeyFile: cfg.Embedded.TLS.KeyFile},
		Users: accounts, ClientID: identity, Log: log,
	})
	if err != nil {
		return nil, err
	}
	b.Await(identity) // until there are subscribers, nobody's messages are taken
	if err := b.Listen(); err != nil {
		return nil, err
	}
	if detail := b.Displaced(); detail != "" {
		log.Warn("the embedded broker "+detail, "address", b.Addr().String())
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

// How long subscribers may take to store what the broker inside has acknowledged, when a
// generation ends: all of them well, or one of them already in trouble.
const (
	drainTime    = 5 * time.Second
	hopelessTime = 500 * time.Millisecond
)

// serve has the broker inside take the messages of others while these subscribers store
// them.
func (b *base) serve(subscribers []*mqttio.Subscriber, ps *parts) {
	if b.broker == nil {
		return
	}
	ids := make([]string, len(subscribers))
	for i, s := range subscribers {
		ids[i] = s.ClientID()
	}
	b.broker.Await(ids...)
	ps.run("messages of others", func(ctx context.Context) error {
		<-ctx.Done()
		patience := drainTime
		if slices.ContainsFunc(subscribers, func(s *mqttio.Subscriber) bool { return s.State().Err != "" }) {
			patience = hopelessTime
		}
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		if left := b.broker.Drain(bounded); left > 0 {
			b.opts.Log.Warn("embedded broker has acknowledged messages that are not stored yet; they are lost if the process ends now", "messages", left)
		}
		return nil
	})
}

// insideFiles are what the files hold that the broker inside was made of.
type insideFiles struct {
	accounts  map[string]string
	cert, key []byte
}

func filesInside(cfg mqttio.EmbeddedConfig) (f insideFiles, err error) {
	if f.accounts, err = cfg.Accounts(); err != nil || cfg.ListenTLS == "" {
		return f, err
	}
	if f.cert, err = os.ReadFile(cfg.TLS.CertFile); err == nil {
		f.key, err = os.ReadFile(cfg.TLS.KeyFile)
	}
	if err != nil {
		err = fmt.Errorf("mqtt.embedded.tls: %w", err)
	}
	return f, err
}

// fixed are those of the differences that take a restart, in words.
func (b *base) fixed(from, to config.Config) ([]string, error) {
	keys := config.FixedBetween(from, to)
	if b.broker == nil || len(keys) > 0 {
		return keys, nil
	}
	files, err := filesInside(to.MQTT.Embedded)
	if err != nil {
		return nil, err
	}
	if !maps.Equal(files.accounts, b.inside.accounts) {
		keys = append(keys, "mqtt.embedded.users_file (what it holds)")
	}
	if !bytes.Equal(files.cert, b.inside.cert) || !bytes.Equal(files.key, b.inside.key) {
		keys = append(keys, "mqtt.embedded.tls (what the files hold)")
	}
	return keys, nil
}

package collector

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/internal/hub"
)

// Probe asks Docker Hub once, with the login where there is one, and keeps nothing: it is
// for somebody who wants to know whether a run would work. It says in words what has
// answered; empty where nothing is configured.
func Probe(ctx context.Context, cfg Config, version string) (string, error) {
	cfg.Tries = 1
	c, err := New(cfg, Options{
		Outbox: nowhere{}, Known: nowhere{}, Roster: nowhere{}, Log: slog.New(slog.DiscardHandler),
		Registerer: prometheus.NewRegistry(), Version: version,
	})
	if err != nil {
		return "", err
	}
	defer c.client.http.CloseIdleConnections()
	r := &run{Collector: c, slot: time.Now().UTC()}
	found := ""
	switch {
	case len(c.plan.Names) > 0:
		found, err = r.probeName(ctx, c.plan.Names[0])
	case len(c.plan.Namespaces) > 0:
		found, err = r.probeNamespace(ctx, c.plan.Namespaces[0].Name)
	}
	if refused := c.login.state(); refused != nil {
		return "", refused
	}
	return found, err
}

func (r *run) probeName(ctx context.Context, name hub.Repository) (found string, err error) {
	err = r.get(ctx, r.client.detail(name), "", func(a answer) error {
		s, err := decode(a.body, name, a.arrived, r.slot)
		found = fmt.Sprintf("%s: pull count %d", name, s.PullCount)
		return err
	})
	return found, err
}

func (r *run) probeNamespace(ctx context.Context, namespace string) (found string, err error) {
	err = r.get(ctx, r.client.listing(namespace, 1), "", func(a answer) error {
		var p page
		if err := json.Unmarshal(a.body, &p); err != nil || p.Count == nil {
			return unreadablePage(fmt.Errorf("no listing: %w", err), a.body)
		}
		found = fmt.Sprintf("%s: repositories %d", namespace, *p.Count)
		return nil
	})
	return found, err
}

// nowhere keeps and knows nothing.
type nowhere struct{ Roster }

func (nowhere) Append(context.Context, ...hub.Snapshot) error                { return nil }
func (nowhere) Has(context.Context, hub.Repository, time.Time) (bool, error) { return false, nil }

package collector

import (
	"context"
	"fmt"
	"time"

	"pulltrail/internal/hub"
)

// Probe asks Docker Hub for one repository and keeps nothing: it is for somebody
// who wants to know whether a run would work.
func Probe(ctx context.Context, cfg Config, version string, r hub.Repository) (hub.Snapshot, error) {
	client, err := newClient(cfg, version, nil)
	if err != nil {
		return hub.Snapshot{}, fmt.Errorf("collector: %w", err)
	}
	defer client.http.CloseIdleConnections()
	return client.fetch(ctx, r, time.Now())
}

package app

import (
	"context"
	"time"

	"pulltrail/indexer"
	"pulltrail/internal/config"
	"pulltrail/scheduler"
)

// The job that deletes indices by their age. It runs at night, some minutes after the
// last index of the day before may have been made.
const (
	retentionJob      = "retention"
	retentionSchedule = "23 3 * * *"
	retentionJitter   = 20 * time.Minute
	retentionDeadline = 30 * time.Minute
)

// retention is the job where a route wants it and there are clusters; nothing else.
func (in *intake) retention(cfg config.Config) ([]scheduler.Spec, error) {
	care, err := indexer.NewCare(cfg.Indexer, cfg.MQTT.OwnFilter())
	if err != nil || !care.Retains() || len(in.clusters) == 0 {
		return nil, err
	}
	in.log.Info("retention is enabled for routes with keep", "schedule", retentionSchedule, "timezone", "UTC")
	retention := indexer.NewRetention(indexer.RetentionOptions{Care: care, Clusters: in.clusters, Log: in.log, Registerer: in.registry})
	return []scheduler.Spec{{
		Name: retentionJob, Schedule: retentionSchedule, Timezone: "UTC", Jitter: retentionJitter, Deadline: retentionDeadline,
		Job: func(ctx context.Context, _ scheduler.Run) error { return retention.Run(ctx) },
	}}, nil
}

// indices is what a person can tell the process of the indices of its sinks.
type indices struct{ clusters []*indexer.Cluster }

// ForgetIndices lets indices that were deleted be made anew.
func (i indices) ForgetIndices(_ context.Context, sink string, names []string) error {
	for _, cluster := range i.clusters {
		if cluster.String() != sink {
			continue
		}
		for _, name := range names {
			cluster.Forget(name)
		}
	}
	return nil
}

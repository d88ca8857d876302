package demo

import (
	"context"
	"fmt"
	"iter"
	"time"

	"pulltrail/collector"
	"pulltrail/internal/document"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/roster"
)

// When snapshots were taken: every day at one, in the last days more often, and for a
// while not at all.
const (
	firstHour  = time.Hour
	often      = 6 * time.Hour
	oftenDays  = 7
	gapBegan   = 75 // days before the demo
	gapDays    = 9
	gapEnded   = gapBegan - gapDays
	reportDays = 14 // of how many days the roster is told
	// batchSlots is how many slots become durable at once.
	batchSlots = 64
)

// Slots are those for which snapshots were taken before the demo began, in their order.
func (w *World) Slots() []time.Time {
	var slots []time.Time
	step := day
	for at := w.origin.Add(firstHour); at.Before(w.began); at = at.Add(step) {
		ahead := past - int(at.Sub(w.origin)/day)
		if ahead < oftenDays {
			step = often
		}
		if ahead > gapBegan || ahead <= gapEnded {
			slots = append(slots, at)
		}
	}
	return slots
}

// observed is when the snapshot for a slot was taken: a little later.
func (r *repository) observed(slot time.Time) time.Time {
	late := r.random(1<<34 + uint64(slot.Unix())).IntN(50) //nolint:gosec // it is not negative
	return slot.Add(time.Duration(3+late) * time.Second)
}

// found is what became of one repository in one slot. Snapshot is nil where Docker Hub
// did not know it any more.
type found struct {
	hub.Repository
	at       time.Time
	snapshot *hub.Snapshot
}

// run is what was found for a slot, in no lasting memory: each is made as it is asked
// for. Before its registration nobody asked for a repository.
func (w *World) run(slot time.Time) iter.Seq2[found, error] {
	return func(yield func(found, error) bool) {
		for _, r := range w.repositories {
			f := found{Repository: r.Repository, at: r.observed(slot)}
			if f.at.Before(r.registeredAt()) || f.at.After(w.began) {
				continue
			}
			if !yield(w.take(f, slot)) {
				return
			}
		}
	}
}

func (w *World) take(f found, slot time.Time) (found, error) {
	body, ok := w.Answer(f.Repository, f.at)
	if !ok {
		return f, nil
	}
	snapshot, err := hub.Decode(body, f.at, slot)
	if err != nil {
		return f, fmt.Errorf("%s at %s: %w", f.Repository, f.at, err)
	}
	f.snapshot = &snapshot
	return f, nil
}

// Stores are where the past goes.
type Stores struct {
	History *history.Store
	Roster  *roster.Store
	// Topic is where the snapshots of a repository are published.
	Topic func(hub.Repository) string
	// Progress is told how many parts of how many are done.
	Progress func(done, total int)
}

// Seed stores the two years before the demo in parts, each durable as a whole. What is
// there already stays as it is, so that a Seed that was cut short can be repeated.
func (w *World) Seed(ctx context.Context, into Stores) error {
	slots := w.Slots()
	total := (len(slots) + batchSlots - 1) / batchSlots
	for done := range total {
		part := slots[done*batchSlots : min((done+1)*batchSlots, len(slots))]
		if err := w.seed(ctx, into, part); err != nil {
			return fmt.Errorf("make the history of the demo: %w", err)
		}
		into.Progress(done+1, total)
	}
	return nil
}

func (w *World) seed(ctx context.Context, into Stores, slots []time.Time) error {
	var batch []document.Message
	for _, slot := range slots {
		var reports []roster.Report
		for f, err := range w.run(slot) {
			if err != nil {
				return err
			}
			reports = append(reports, f.report())
			if f.snapshot != nil {
				batch = append(batch, document.Message{Topic: into.Topic(f.Repository), Payload: f.snapshot.Encode(), Received: f.at})
			}
		}
		if w.began.Sub(slot) > reportDays*day {
			continue
		}
		if err := into.Roster.Report(ctx, slot, reports...); err != nil {
			return err
		}
	}
	outcomes, err := into.History.Append(ctx, batch)
	if err != nil {
		return err
	}
	for _, o := range outcomes {
		if o.Err != nil {
			return o.Err
		}
	}
	return nil
}

// report is what the collector would have said.
func (f found) report() roster.Report {
	if f.snapshot != nil {
		return roster.Report{Repository: f.Repository}
	}
	return roster.Report{Repository: f.Repository, Absent: true, Cause: string(collector.NotFound), Message: "answered 404 Not Found"}
}

package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pulltrail/internal/hub"
)

// The bounds of a Batch.
const (
	// MaxBatch is the most snapshots of one batch.
	MaxBatch = 1000
	// MaxBatchBytes is the most bytes of the snapshots of one batch.
	MaxBatchBytes = 2 << 20
)

// Archive is what the daemon lets commands do with history.
type Archive interface {
	// Place is where the import of a source was broken off; empty where none was.
	Place(ctx context.Context, source string) (string, error)
	// Import stores snapshots. Those that are there already change nothing. An error
	// means that nothing of the batch is known to be stored.
	Import(ctx context.Context, batch Batch) (Imported, error)
	// Export hands out the snapshots as they are stored, one repository after the other,
	// each along the time of observation. The error is one of the daemon's or of ctx.
	Export(ctx context.Context, which Range, take func([][]byte)) (Exported, error)
	// Daily hands out the pulls of each UTC day that which touches.
	Daily(ctx context.Context, which Range, take func([]Day)) (Exported, error)
	// Delete removes snapshots from history, all of them or, when it returns an error, none.
	Delete(ctx context.Context, which Deletion) (Deleted, error)
}

// Deletion says which snapshots of one repository are to be deleted.
type Deletion struct {
	hub.Repository
	// From and To bound the time of observation as in Range.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
	// DryRun counts and deletes nothing.
	DryRun bool `json:"dry_run,omitempty"`
}

func (d Deletion) validate() error {
	if _, err := hub.ParseRepository(d.String()); err != nil {
		return err
	}
	return Range{From: d.From, To: d.To}.validate()
}

// Deleted counts the snapshots that were deleted, or in a dry run would be.
type Deleted struct {
	Count int `json:"count"`
	// First and Last are the timestamps of the oldest and the newest; zero for none.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
}

// Batch is a part of an import.
type Batch struct {
	// Source is what is imported, and Place how far it is when this batch is stored: what
	// Archive.Place gives for the source from then on. Without a source none is kept.
	Source string `json:"source,omitempty"`
	Place  string `json:"place,omitempty"`
	// Done says that it is the last: the place is forgotten.
	Done bool `json:"done,omitempty"`
	// Snapshots are at most MaxBatch, with MaxBatchBytes.
	Snapshots [][]byte `json:"snapshots"`
}

func (b Batch) validate() error {
	size := 0
	for _, s := range b.Snapshots {
		size += len(s)
	}
	if len(b.Snapshots) > MaxBatch || size > MaxBatchBytes {
		return fmt.Errorf("a batch has at most %d snapshots with %d bytes", MaxBatch, MaxBatchBytes)
	}
	return nil
}

// Imported is what became of a batch.
type Imported struct {
	New int `json:"new"`
	// There are those that were there already.
	There int `json:"there"`
	// Refused are those that are no snapshots.
	Refused []RefusedSnapshot `json:"refused,omitempty"`
}

// RefusedSnapshot is one of a batch that was refused.
type RefusedSnapshot struct {
	// Index is its place in the batch, from 0.
	Index  int    `json:"index"`
	Reason string `json:"reason"`
}

// Range says what of history is meant.
type Range struct {
	// Repositories, where there are any, are the only ones.
	Repositories []hub.Repository `json:"repositories,omitempty"`
	// From and To bound the time of observation: From <= time < To. A zero time leaves
	// that end open.
	From time.Time `json:"from,omitzero"`
	To   time.Time `json:"to,omitzero"`
}

func (r Range) validate() error {
	if !r.From.IsZero() && !r.To.IsZero() && !r.From.Before(r.To) {
		return errors.New("the range is empty: from must be before to")
	}
	return nil
}

// Exported counts what was handed out.
type Exported struct {
	Repositories int `json:"repositories"`
	// Count is of snapshots or days.
	Count int `json:"count"`
}

// Day is the pulls of one UTC day.
type Day struct {
	hub.Repository
	Date  string `json:"date"`
	Pulls int64  `json:"pulls"`
	// Gap says that they are an estimate, spread over a time without snapshots.
	Gap bool `json:"gap"`
	// Partial says that a part of the day is not known.
	Partial bool `json:"partial"`
}

// place is the wire of POST /import/place.
type place struct {
	Source string `json:"source"`
	Place  string `json:"place,omitempty"`
}

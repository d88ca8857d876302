package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"

	"pulltrail/internal/control"
)

const (
	batchSize  = 500
	batchBytes = 1 << 20
	// maxKept bounds the complaints and the skipped reasons of a Summary.
	maxKept = 10_000
)

// Archive is where snapshots go: a control.Archive. Its methods are called one at a time.
type Archive interface {
	// Place is where the import of a source was broken off; empty where none was.
	Place(ctx context.Context, source string) (string, error)
	// Import stores a batch; an error means that nothing of it is known to be stored.
	Import(ctx context.Context, batch control.Batch) (control.Imported, error)
}

// Complaint is what is wrong with one item.
type Complaint struct {
	Where  string `json:"where"`
	Reason string `json:"reason"`
	// Skipped says that it may stay where it is; otherwise it was refused.
	Skipped bool `json:"skipped,omitempty"`
}

// Summary is what became of an import. New and There are zero in a dry run.
type Summary struct {
	// Read is how many items there were.
	Read int `json:"read"`
	// Valid are those that are snapshots, of which New were stored and There were there
	// already. Passed had been stored before the import was broken off.
	Valid  int `json:"valid"`
	New    int `json:"new"`
	There  int `json:"there_already"`
	Passed int `json:"passed"`
	// Doubles say again what an item before has said.
	Doubles int `json:"doubles"`
	Refused int `json:"refused"`
	Skipped int `json:"skipped"`
	// ResumedAt is the place at which an import that was broken off was taken up.
	ResumedAt string `json:"resumed_at,omitempty"`
	// Resumable says that the same import goes on where this one has ended.
	Resumable bool        `json:"-"`
	DryRun    bool        `json:"dry_run,omitempty"`
	Notes     []string    `json:"notes,omitempty"`
	Problems  []Complaint `json:"problems"`
	// LeftOut is how many more problems there were than are listed.
	LeftOut int `json:"problems_left_out,omitempty"`
}

// Options are how to import.
type Options struct {
	// Restart begins at the beginning whatever was broken off.
	Restart bool
	// DryRun reads all and stores nothing; the archive may be nil.
	DryRun bool
	// Complain, where set, is called with each complaint, and Progress after each item.
	Complain func(Complaint)
	Progress func(Progress)
}

// Import brings what source yields into the archive. The summary says what was done also
// where there is an error.
func Import(ctx context.Context, source Source, archive Archive, opts Options) (Summary, error) {
	r := &run{
		source: source, archive: archive, opts: opts,
		summary: Summary{DryRun: opts.DryRun, Problems: []Complaint{}},
		batch:   control.Batch{Source: source.Name()},
	}
	err := r.begin(ctx)
	for err == nil {
		err = r.step(ctx)
	}
	if errors.Is(err, io.EOF) {
		r.batch.Done = true
		err = r.flush(ctx)
	}
	r.summary.Notes = source.Notes()
	return r.summary, err
}

type run struct {
	source  Source
	archive Archive
	opts    Options
	summary Summary

	batch  control.Batch
	wheres []string // of the snapshots of the batch
	size   int
}

// begin finds out where to begin. It is the first that is asked of the archive.
func (r *run) begin(ctx context.Context) error {
	if r.opts.DryRun {
		return nil
	}
	place, err := r.archive.Place(ctx, r.batch.Source)
	if err != nil || place == "" || r.opts.Restart || r.batch.Source == "" {
		return err
	}
	r.summary.ResumedAt = place
	return r.source.Resume(place)
}

// step deals with one item.
func (r *run) step(ctx context.Context) error {
	item, err := r.source.Next(ctx)
	if err != nil {
		return err
	}
	r.summary.Read++
	switch item.Fate {
	case Passed:
		r.summary.Passed++
	case Double:
		r.summary.Doubles++
	case Refused:
		r.complain(Complaint{Where: item.Where, Reason: item.Reason})
	case Skipped:
		r.complain(Complaint{Where: item.Where, Reason: item.Reason, Skipped: true})
	case Snapshot:
		if err := r.add(ctx, item); err != nil {
			return err
		}
	}
	if r.opts.Progress != nil {
		r.opts.Progress(r.source.Progress())
	}
	return nil
}

// add puts one more into the batch, which goes as soon as it is full: the next item may
// be long in coming.
func (r *run) add(ctx context.Context, item Item) error {
	r.summary.Valid++
	if r.opts.DryRun {
		return nil
	}
	if r.size+len(item.Payload) > batchBytes {
		if err := r.flush(ctx); err != nil {
			return err
		}
	}
	r.batch.Snapshots = append(r.batch.Snapshots, item.Payload)
	r.batch.Place = item.Place
	r.wheres = append(r.wheres, item.Where)
	r.size += len(item.Payload)
	if len(r.batch.Snapshots) < batchSize {
		return nil
	}
	return r.flush(ctx)
}

// flush stores what there is, and at the end forgets the place.
func (r *run) flush(ctx context.Context) error {
	if r.opts.DryRun || len(r.batch.Snapshots) == 0 && (!r.batch.Done || r.batch.Source == "") {
		return nil
	}
	imported, err := r.archive.Import(ctx, r.batch)
	if errors.Is(err, control.ErrNoDaemon) {
		// The one that was asked for the place has ended. What it has stored stays.
		return errors.New("the daemon has ended meanwhile")
	}
	if err != nil {
		return err
	}
	r.summary.New += imported.New
	r.summary.There += imported.There
	for _, refused := range imported.Refused {
		if refused.Index < 0 || refused.Index >= len(r.wheres) {
			return fmt.Errorf("the daemon speaks of snapshot %d of %d", refused.Index, len(r.wheres))
		}
		r.summary.Valid--
		r.complain(Complaint{Where: r.wheres[refused.Index], Reason: refused.Reason})
	}
	r.summary.Resumable = r.batch.Source != "" && r.batch.Place != ""
	r.batch.Snapshots, r.wheres, r.size = nil, nil, 0
	return nil
}

func (r *run) complain(c Complaint) {
	if c.Skipped {
		r.summary.Skipped++
	} else {
		r.summary.Refused++
	}
	if len(r.summary.Problems) < maxKept {
		r.summary.Problems = append(r.summary.Problems, c)
	} else {
		r.summary.LeftOut++
	}
	if r.opts.Complain != nil {
		r.opts.Complain(c)
	}
}

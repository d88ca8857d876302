package indexer

import (
	"context"
	"time"

	"pulltrail/internal/document"
)

// front is the oldest entry that is not settled.
type front struct {
	cursor   document.Position // where the cursor stands, before that entry
	received time.Time
	seen     time.Time // by the follower
}

// age is never negative. It grows also when the clock is set back, which seen does not
// take part in.
func (f *front) age() time.Duration {
	return max(time.Since(f.received), time.Since(f.seen))
}

// lag is the age of the oldest entry behind cursor, 0 where there is none.
func (f *Follower) lag(ctx context.Context, cursor, head document.Position) time.Duration {
	if head <= cursor {
		return 0
	}
	known := f.front.Load()
	if known != nil && known.cursor == cursor {
		return known.age()
	}
	// It is not in flight: for a moment, or because the log cannot be read.
	now := time.Now()
	entries, err := f.opts.Log.Read(ctx, cursor, 1, 1)
	switch {
	case err != nil:
		// The follower meets the error too and tells of it. Until it can read the entry,
		// that one has waited since now at least.
		f.front.CompareAndSwap(known, &front{cursor: cursor, received: now, seen: now})
		return 0
	case len(entries) == 0:
		return 0
	}
	return (&front{received: entries[0].Received, seen: now}).age()
}

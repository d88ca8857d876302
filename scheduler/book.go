package scheduler

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// ledgerTimeout bounds one call of the ledger, also while the process stops.
const ledgerTimeout = 5 * time.Second

// book is the page of one job in the ledger. What cannot be written is kept until
// it can; the newest slot is all that has to be.
type book struct {
	ledger Ledger
	job    string
	log    *slog.Logger

	mu      sync.Mutex // held while the ledger is called
	owed    time.Time  // the newest slot that is not recorded yet; zero for none
	failing bool
}

// last reads the newest recorded slot.
func (b *book) last(ctx context.Context) (slot time.Time, known bool, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, ledgerTimeout)
	defer cancel()
	slot, known, err = b.ledger.LastSlot(limited, b.job)
	if ctx.Err() == nil { // else it was asked in vain, which says nothing of the ledger
		b.note(err)
	}
	return slot, known, err
}

// record notes that slot is dealt with. The end of ctx does not keep it from being
// written.
func (b *book) record(ctx context.Context, slot time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.owed = later(b.owed, slot)
	b.write(ctx)
}

// retry writes what could not be written before, unless the ledger is being called
// anyway: whoever waits for the next slot should not wait for a run's record.
func (b *book) retry(ctx context.Context) {
	if !b.mu.TryLock() {
		return
	}
	defer b.mu.Unlock()
	if !b.owed.IsZero() {
		b.write(ctx)
	}
}

func (b *book) write(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), ledgerTimeout)
	defer cancel()
	err := b.ledger.RecordSlot(ctx, b.job, b.owed)
	b.note(err)
	if err == nil {
		b.owed = time.Time{}
	}
}

// note logs when the ledger begins to fail and when it works again.
func (b *book) note(err error) {
	switch {
	case err != nil && !b.failing:
		b.log.Error("slot ledger not available, retrying every minute; runs continue", "err", err)
	case err == nil && b.failing:
		b.log.Info("slot ledger available again")
	}
	b.failing = err != nil
}

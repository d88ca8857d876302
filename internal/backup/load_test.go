package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pulltrail/internal/database"
	"pulltrail/internal/datadir"
	"pulltrail/internal/deadletter"
	"pulltrail/internal/document"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/journal"
	"pulltrail/internal/outbox"
	"pulltrail/internal/state"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// place is an open data directory with all that stands in it.
type place struct {
	t       testing.TB
	path    string
	dir     *datadir.Dir
	db      *database.DB
	journal *journal.Journal
	outbox  *outbox.Outbox
	history *history.Store
	letters *deadletter.Store
	state   *state.Store
}

func openPlace(t testing.TB, path string) *place {
	t.Helper()
	p := &place{t: t, path: path}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var err error
	p.dir, err = datadir.Open(path)
	must(err)
	p.db, err = database.Open(context.Background(), p.dir.Database())
	must(err)
	p.journal, err = journal.Open(p.dir.Journal(), journal.Options{MaxBytes: 64 << 20, SegmentBytes: 2000, Log: slog.New(slog.DiscardHandler)})
	must(err)
	p.outbox, p.history, p.state = outbox.New(p.db), history.New(p.db), state.New(p.db)
	p.letters = deadletter.New(p.db, deadletter.Options{})
	t.Cleanup(p.close)
	return p
}

func (p *place) close() {
	p.t.Helper()
	if p.dir == nil {
		return
	}
	for _, c := range []io.Closer{p.journal, p.db, p.dir} {
		if err := c.Close(); err != nil {
			p.t.Error(err)
		}
	}
	p.dir = nil
}

// backup is a compressed backup.
func (p *place) backup() []byte {
	p.t.Helper()
	var out bytes.Buffer
	w, err := Compress(&out)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := Write(context.Background(), w, Source{Dir: p.dir, Journal: p.journal, Program: "1.2.3"}); err != nil {
		p.t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		p.t.Fatal(err)
	}
	return out.Bytes()
}

// restored is a place that was made of a backup.
func restored(t testing.TB, backup []byte) *place {
	t.Helper()
	path := filepath.Join(t.TempDir(), "restored")
	if _, err := Restore(context.Background(), path, bytes.NewReader(backup), Options{Log: slog.New(slog.DiscardHandler)}); err != nil {
		t.Fatal(err)
	}
	return openPlace(t, path)
}

const (
	sinkName, logName = "opensearch", "journal"
	// everySeventh document is refused by the sink.
	everySeventh = 7
)

var nginx = hub.Repository{Namespace: "library", Name: "nginx"}

// snapshot is the n-th.
func snapshot(n int) hub.Snapshot {
	slot := time.Unix(1769821200, 0).UTC().Add(time.Duration(n) * time.Hour)
	s, err := hub.Parse(fmt.Appendf(nil, `{"namespace":"library","name":"nginx","pull_count":%d,"timestamp":%q,"slot":%q}`,
		n, slot.Format(time.RFC3339), slot.Format(time.RFC3339)))
	if err != nil {
		panic(err)
	}
	return s
}

func numbered(n int) document.Message {
	return document.Message{Topic: "sensors/1", Payload: fmt.Appendf(nil, `{"n":%d}`, n), Received: time.Unix(int64(n), 0).UTC()}
}

// load is a data directory at work: the n-th document has the position n.
type load struct {
	*place
	documents, snapshots atomic.Int64 // acknowledged
	sink                 sync.Map     // positions that were stored there
	followed             atomic.Int64
	moved                chan struct{} // the cursor has
}

// run does all the work of a daemon until ctx is done: documents come in and are followed,
// snapshots go through the outbox.
func (l *load) run(ctx context.Context) {
	var wg sync.WaitGroup
	for _, work := range []func(context.Context) error{l.receive, l.follow, l.collect} {
		wg.Go(func() {
			if err := work(ctx); err != nil && ctx.Err() == nil {
				l.t.Error(err)
			}
		})
	}
	wg.Wait()
}

func (l *load) receive(ctx context.Context) error {
	for n := 0; ctx.Err() == nil; {
		if int64(n) >= l.followed.Load()+300 { // far enough ahead
			select {
			case <-l.moved:
			case <-ctx.Done():
			}
			continue
		}
		batch := make([]document.Message, 1+rand.IntN(5))
		for i := range batch {
			n++
			batch[i] = numbered(n)
		}
		if _, err := l.journal.Append(ctx, batch); err != nil {
			return err
		}
		l.documents.Store(int64(n))
	}
	return nil
}

// follow stores, then moves the cursor, then gives space back, as indexer and app do.
func (l *load) follow(ctx context.Context) error {
	var cursor document.Position
	for ctx.Err() == nil {
		appended := l.journal.Notify()
		entries, err := l.journal.Read(ctx, cursor, 1+rand.IntN(40), 1<<20)
		if err != nil {
			return err
		}
		if len(entries) == 0 {
			select {
			case <-appended:
			case <-ctx.Done():
			}
			continue
		}
		for _, e := range entries {
			if e.Position%everySeventh != 0 {
				l.sink.Store(e.Position, true)
				continue
			}
			letter := document.DeadLetter{Message: e.Message, Sink: sinkName, Log: logName, Position: e.Position, Reason: "no", At: e.Received}
			if err := l.letters.Put(ctx, letter); err != nil {
				return err
			}
		}
		cursor = entries[len(entries)-1].Position
		if err := l.state.SetCursor(ctx, sinkName, logName, cursor); err != nil {
			return err
		}
		if err := l.journal.Truncate(cursor + 1); err != nil {
			return err
		}
		l.followed.Store(int64(cursor)) //nolint:gosec // small
		select {
		case l.moved <- struct{}{}:
		default:
		}
	}
	return nil
}

func (l *load) collect(ctx context.Context) error {
	for n := 1; ctx.Err() == nil; n++ {
		s := snapshot(n)
		if err := l.outbox.Append(ctx, s); err != nil {
			return err
		}
		l.snapshots.Store(int64(n))
		if n%3 == 0 { // has come back; the others wait
			if _, err := l.history.Append(ctx, []document.Message{{Topic: "t", Payload: s.Encode(), Received: time.Now()}}); err != nil {
				return err
			}
			if err := l.outbox.Confirm(ctx, []string{s.ID()}); err != nil {
				return err
			}
		}
	}
	return nil
}

func TestEverythingThatWasAcknowledgedIsInABackupOfABusyDirectory(t *testing.T) {
	l := &load{place: openPlace(t, filepath.Join(t.TempDir(), "data")), moved: make(chan struct{}, 1)}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); l.run(ctx) }()
	defer func() { stop(); <-ended }()
	rounds := 10
	if testing.Short() {
		rounds = 3
	}
	for range rounds {
		for busy := l.documents.Load() + 50; l.documents.Load() < busy && ctx.Err() == nil; {
			<-l.journal.Notify()
		}
		documents, snapshots := l.documents.Load(), l.snapshots.Load()
		backup := l.backup()
		delivered := func(p document.Position) bool { _, ok := l.sink.Load(p); return ok }
		p := restored(t, backup)
		p.holds(documents, snapshots, delivered)
		p.close()
	}
	if l.snapshots.Load() == 0 {
		t.Error("no snapshot was taken")
	}
}

// holds fails unless what was acknowledged is there, and everything fits.
func (p *place) holds(documents, snapshots int64, delivered func(document.Position) bool) {
	p.t.Helper()
	ctx := context.Background()
	cursor, err := p.state.Cursor(ctx, sinkName, logName)
	if err != nil {
		p.t.Fatal(err)
	}
	head, err := p.journal.Head(ctx)
	if err != nil {
		p.t.Fatal(err)
	}
	if cursor > head || int64(head) < documents {
		p.t.Errorf("the cursor is %d, the head %d; %d documents were acknowledged", cursor, head, documents)
	}
	next := cursor
	for next < head {
		entries, err := p.journal.Read(ctx, next, 1000, 1<<20)
		if err != nil || len(entries) == 0 {
			p.t.Fatalf("behind %d: %d entries, %v", next, len(entries), err)
		}
		for _, e := range entries {
			if next++; e.Position != next || string(e.Payload) != string(numbered(int(next)).Payload) {
				p.t.Fatalf("at %d of %d to %d there is %d: %s", next, cursor, head, e.Position, e.Payload)
			}
		}
	}
	for at := document.Position(1); at <= cursor; at++ {
		if at%everySeventh != 0 {
			if !delivered(at) {
				p.t.Errorf("the cursor %d is behind %d, which was not delivered", cursor, at)
			}
			continue
		}
		if _, ok, err := p.letters.Get(ctx, sinkName, logName, at); !ok || err != nil {
			p.t.Errorf("the dead letter %d is missing (%v)", at, err)
		}
	}
	for n := 1; int64(n) <= snapshots; n++ {
		waits, err := p.outbox.Has(ctx, nginx, snapshot(n).Slot)
		if err != nil {
			p.t.Fatal(err)
		}
		stands, err := p.history.Has(ctx, nginx, snapshot(n).Slot)
		if err != nil || waits == stands && n%3 != 0 || !waits && !stands {
			p.t.Errorf("snapshot %d of %d: in the outbox %t, in history %t (%v)", n, snapshots, waits, stands, err)
		}
	}
}

// The moment in which image and journal could part is short, so everything that can happen
// is made to happen in it.
func TestTheCursorOfAnImageFitsTheJournalBesideIt(t *testing.T) {
	p := openPlace(t, filepath.Join(t.TempDir(), "data"))
	ctx := t.Context()
	work := func() error { // of some segments
		batch := make([]document.Message, 50)
		for i := range batch {
			batch[i] = numbered(i)
		}
		for range 5 {
			if _, err := p.journal.Append(ctx, batch); err != nil {
				return err
			}
		}
		head, err := p.journal.Head(ctx)
		return errors.Join(err, p.state.SetCursor(ctx, sinkName, logName, head), p.journal.Truncate(head+1))
	}
	if err := work(); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	pause := func() {
		done := make(chan struct{})
		wg.Go(func() {
			defer close(done)
			if err := work(); err != nil {
				t.Error(err)
			}
		})
		select {
		case <-done: // nothing holds it up
		case <-time.After(100 * time.Millisecond): // more than long enough, where something does
		}
	}
	f, err := freeze(ctx, Source{Dir: p.dir, Journal: p.journal, pause: pause})
	if err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	var cursor, first int64
	if err := f.image.Get(ctx, &cursor, "SELECT position FROM cursors"); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(f.journal.Files[1].Name, "%d.log", &first); err != nil {
		t.Fatal(err)
	}
	if head := first + f.journal.Entries - 1; cursor > head || first > cursor+1 {
		t.Errorf("the cursor is %d, the journal goes from %d to %d", cursor, first, head)
	}
	if err := f.close(); err != nil {
		t.Fatal(err)
	}
}

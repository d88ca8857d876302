package mqttio

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"pulltrail/internal/broker"
	"pulltrail/internal/document"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = time.Minute // how long a test waits for what must come

// eventually waits for a condition.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !condition() {
		if time.Now().After(deadline) {
			t.Fatalf("not within %v: %s", patience, what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// quick is a pace for tests.
func quick() pace {
	p := defaultPace()
	p.least, p.most = time.Millisecond, 10*time.Millisecond
	p.short, p.shortMost = time.Millisecond, 10*time.Millisecond
	p.takenOver, p.refused = 20*time.Millisecond, 10*time.Millisecond
	p.store, p.storeMost = time.Millisecond, 5*time.Millisecond
	p.publish, p.publishMost = 10*time.Millisecond, 20*time.Millisecond
	return p
}

// start runs something until the test ends, or stop is called.
func start(t *testing.T, run func(context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// startBroker starts an embedded broker and gives its URL; port 0 takes any.
func startBroker(t *testing.T, listen string) (b *broker.Broker, url string, stop func()) {
	t.Helper()
	b, err := broker.New(broker.Options{Listen: listen, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	return b, "mqtt://" + b.Addr().String(), start(t, b.Serve)
}

// spoken is the version that testConfig says.
var spoken = VersionAuto

func testConfig() Config {
	cfg := DefaultConfig()
	cfg.Topic, cfg.Version = "t", spoken
	return cfg
}

// outbox is an Outbox in memory, in pages of two.
type outbox struct {
	mu      sync.Mutex
	items   []document.Pending
	err     error
	notify  chan struct{}
	confirm int
}

func newOutbox(items ...document.Pending) *outbox {
	o := &outbox{notify: make(chan struct{}, 1)}
	o.add(items...)
	return o
}

func (o *outbox) add(items ...document.Pending) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.items = append(o.items, items...)
	slices.SortFunc(o.items, compare)
	select {
	case o.notify <- struct{}{}:
	default:
	}
}

func compare(a, b document.Pending) int {
	if c := a.Slot.Compare(b.Slot); c != 0 {
		return c
	}
	return strings.Compare(a.ID, b.ID)
}

func (o *outbox) Pending(_ context.Context, after document.Pending) ([]document.Pending, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return nil, o.err
	}
	var page []document.Pending
	for _, p := range o.items {
		if compare(p, after) > 0 && len(page) < 2 {
			page = append(page, p)
		}
	}
	return page, nil
}

func (o *outbox) Confirm(_ context.Context, ids []string) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.confirm++
	o.items = slices.DeleteFunc(o.items, func(p document.Pending) bool { return slices.Contains(ids, p.ID) })
	return nil
}

func (o *outbox) Notify() <-chan struct{} { return o.notify }

func (o *outbox) Len(context.Context) (int, error) { return o.len(), nil }

func (o *outbox) fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

func (o *outbox) len() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.items)
}

// pending is a snapshot of ns/name for a slot, whose payload is its id.
func pending(name string, slot int) document.Pending {
	at := time.Unix(int64(slot), 0).UTC()
	id := fmt.Sprintf("ns/%s@%d", name, slot)
	return document.Pending{ID: id, Namespace: "ns", Name: name, Slot: at, Payload: []byte(id)}
}

// store is a Store in memory: payloads are identities, and "bad" ones are refused.
type store struct {
	mu       sync.Mutex
	err      error
	failures int
	calls    []int // sizes of the batches that were stored
	messages []document.Message
	entered  chan struct{} // where set, receives before each batch
	release  chan struct{} // where set, is received from before each batch
}

func (s *store) Append(ctx context.Context, batch []document.Message) ([]document.Outcome, error) {
	if s.entered != nil {
		select {
		case s.entered <- struct{}{}:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	if s.release != nil {
		select {
		case <-s.release:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		s.failures++
		return nil, s.err
	}
	s.calls = append(s.calls, len(batch))
	outcomes := make([]document.Outcome, len(batch))
	for i, m := range batch {
		if bytes.HasPrefix(m.Payload, []byte("bad")) {
			outcomes[i].Err = document.Permanent(errors.New("is not a JSON object"))
			continue
		}
		outcomes[i].ID = string(m.Payload)
		s.messages = append(s.messages, m)
	}
	return outcomes, nil
}

func (s *store) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

func (s *store) failed() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.failures
}

// times is how often a payload was stored.
func (s *store) times(payload string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range s.messages {
		if string(m.Payload) == payload {
			n++
		}
	}
	return n
}

// distinct is how many payloads were stored.
func (s *store) distinct() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := map[string]bool{}
	for _, m := range s.messages {
		seen[string(m.Payload)] = true
	}
	return len(seen)
}

func (s *store) all() []document.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.messages)
}

// letters are DeadLetters in memory.
type letters struct {
	mu   sync.Mutex
	err  error
	kept map[document.Position]document.DeadLetter
}

func (l *letters) Put(_ context.Context, letters ...document.DeadLetter) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.err != nil {
		return l.err
	}
	if l.kept == nil {
		l.kept = map[document.Position]document.DeadLetter{}
	}
	for _, letter := range letters {
		if _, there := l.kept[letter.Position]; !there {
			l.kept[letter.Position] = letter
		}
	}
	return nil
}

func (l *letters) fail(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.err = err
}

func (l *letters) all() (all []document.DeadLetter) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, letter := range l.kept {
		all = append(all, letter)
	}
	return all
}

// logbook is a log that can be read while it is written.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) count(text string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), text)
}

func (l *logbook) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logbook) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

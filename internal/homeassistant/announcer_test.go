package homeassistant

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pulltrail/internal/document"
)

// world is everything around an announcer: a broker, the connection, the memory and what
// is tracked.
type world struct {
	mu        sync.Mutex
	kept      map[string]string // by the broker
	published int
	most      int // at a time
	underWay  int
	refuse    string // topics that hold it
	hangUp    string // at topics that hold it
	away      bool
	opened    chan struct{}

	noted map[string]bool
	fail  error // of the memory

	repositories []Repository
	changed      chan struct{}
	log          strings.Builder
}

func newWorld(names ...string) *world {
	w := &world{kept: map[string]string{}, opened: make(chan struct{}, 1), noted: map[string]bool{}, changed: make(chan struct{})}
	w.track(names...)
	w.opened <- struct{}{}
	return w
}

func (w *world) Opened() <-chan struct{} { return w.opened }

func (w *world) Retain(ctx context.Context, topic string, payload []byte) error {
	w.mu.Lock()
	w.underWay++
	w.most = max(w.most, w.underWay)
	w.mu.Unlock()
	time.Sleep(time.Millisecond) // in the bubble's time
	w.mu.Lock()
	defer w.mu.Unlock()
	w.underWay--
	w.published++
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case w.away:
		return errors.New("there is no connection")
	case w.hangUp != "" && strings.Contains(topic, w.hangUp):
		w.away = true
		return errors.New("the connection has ended")
	case w.refuse != "" && strings.Contains(topic, w.refuse):
		return document.Permanent(errors.New("it does not permit this"))
	case !w.noted[topic]:
		panic(topic + " is published and not noted")
	}
	if len(payload) == 0 {
		delete(w.kept, topic)
	} else {
		w.kept[topic] = string(payload)
	}
	return nil
}

// connect is a new connection.
func (w *world) connect() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.away = false
	select {
	case w.opened <- struct{}{}:
	default:
	}
}

func (w *world) Announced(context.Context) ([]string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Collect(maps.Keys(w.noted)), w.fail
}

func (w *world) Announce(_ context.Context, topics ...string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, topic := range topics {
		w.noted[topic] = true
	}
	return w.fail
}

func (w *world) Withdraw(_ context.Context, topics ...string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, topic := range topics {
		if w.kept[topic] != "" {
			panic(topic + " is forgotten and still kept")
		}
		delete(w.noted, topic)
	}
	return w.fail
}

// set changes something while an announcer runs, and count reads how much was published.
func (w *world) set(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

func (w *world) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.published
}

// track changes what is tracked.
func (w *world) track(names ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.repositories = nil
	for _, name := range names {
		w.repositories = append(w.repositories, Repository{Repository: repository(name)})
	}
	close(w.changed)
	w.changed = make(chan struct{})
}

func (w *world) options() Options {
	return Options{
		Settings: settings(), Publisher: w, Memory: w, Log: slog.New(slog.NewTextHandler(&w.log, nil)),
		Repositories: func(context.Context) ([]Repository, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return slices.Clone(w.repositories), nil
		},
		Notify: func() <-chan struct{} {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.changed
		},
	}
}

// wants says what is kept and noted besides the topics of names, and which of those are not.
func (w *world) wants(t *testing.T, names ...string) {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	want := map[string]bool{}
	for _, name := range names {
		for _, m := range settings().Messages(Repository{Repository: repository(name)}) {
			want[m.Topic] = true
		}
	}
	for topic := range want {
		if w.kept[topic] == "" || !w.noted[topic] {
			t.Errorf("%s is not kept, or not noted", topic)
		}
	}
	if len(w.kept) != len(want) || len(w.noted) != len(want) {
		t.Errorf("%d topics are kept and %d noted, want %d", len(w.kept), len(w.noted), len(want))
	}
}

// run runs an announcer until stop is called.
func run(t *testing.T, opts Options) (a *Announcer, stop func()) {
	a = New(opts)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	return a, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// after lets time pass in the bubble.
func after(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func TestWhatIsTrackedIsKeptByTheBroker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a/one", "a/two")
		a, stop := run(t, w.options())
		after(time.Minute)
		w.wants(t, "a/one", "a/two")
		if s := a.State(); s.Err != "" || s.Detail != "repositories announced: 2" {
			t.Errorf("the state is %+v", s)
		}
		published := w.count()
		w.track("a/two", "b/three")
		after(time.Minute)
		w.wants(t, "a/two", "b/three")
		if n := w.count() - published; n != 8 {
			t.Errorf("%d messages for one repository more and one less, want 8", n)
		}
		published = w.count()
		after(3 * time.Hour)
		if w.count() != published {
			t.Errorf("%d messages though nothing has changed", w.count()-published)
		}
		stop()
		if w.log.Len() > 0 {
			t.Errorf("logged %s", &w.log)
		}
	})
}

func TestAnotherStartTakesBackWhatIsNotTrackedAnyMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a/one", "a/two")
		_, stop := run(t, w.options())
		after(time.Minute)
		stop()
		for _, step := range []struct {
			change func(*Options)
			want   []string
		}{
			{func(*Options) { w.track("a/two") }, []string{"a/two"}},
			{func(o *Options) { o.Repositories = nil }, nil},
		} {
			opts := w.options()
			step.change(&opts)
			w.connect()
			_, stop := run(t, opts)
			after(time.Minute)
			stop()
			w.wants(t, step.want...)
		}
	})
}

func TestAnotherPrefixLeavesNothingAtTheOldOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a/one")
		_, stop := run(t, w.options())
		after(time.Minute)
		stop()
		opts := w.options()
		opts.Prefix = "ha"
		w.connect()
		_, stop = run(t, opts)
		after(time.Minute)
		stop()
		if len(w.kept) != 4 || len(w.noted) != 4 {
			t.Errorf("%d topics are kept and %d noted, want 4", len(w.kept), len(w.noted))
		}
		for topic := range w.kept {
			if strings.HasPrefix(topic, "homeassistant/") {
				t.Errorf("%s is still kept", topic)
			}
		}
	})
}

func TestEverythingIsPublishedAgainOnANewConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a/one", "a/two")
		_, stop := run(t, w.options())
		after(time.Minute)
		w.set(func() { clear(w.kept) }) // a broker that has lost what it kept
		w.connect()
		after(time.Minute)
		w.wants(t, "a/one", "a/two")
		stop()
	})
}

func TestAConnectionThatEndsIsWaitedForEverLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a/one", "a/two", "a/three")
		w.hangUp = "stars"
		a, stop := run(t, w.options())
		tries := 0
		for range 24 * 60 { // a publisher that is connected again within a second
			before := w.count()
			after(time.Minute)
			if w.count() > before {
				tries++
			}
			w.connect()
		}
		if tries < 90 || tries > 240 {
			t.Errorf("%d tries in a day", tries)
		}
		if s := a.State(); !strings.Contains(s.Err, "ends the connection whenever") || s.Detail != "waits for the broker" {
			t.Errorf("the state is %+v", s)
		}
		w.set(func() { w.hangUp = "" })
		after(time.Hour)
		w.connect()
		after(time.Hour)
		w.wants(t, "a/one", "a/two", "a/three")
		stop()
		if s := a.State(); s.Err != "" || strings.Count(w.log.String(), "\n") != 2 {
			t.Errorf("the state is %+v, logged %s", s, &w.log)
		}
	})
}

func TestWhatTheBrokerRefusesHoldsUpNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a/one", "a/secret", "a/two")
		w.refuse = "secret"
		a, stop := run(t, w.options())
		after(time.Minute)
		if len(w.kept) != 8 {
			t.Errorf("%d messages are kept, want 8", len(w.kept))
		}
		if s := a.State(); s.Err != "messages that the broker rejects: 4 (it does not permit this)" {
			t.Errorf("the state is %+v", s)
		}
		after(time.Hour)
		w.set(func() { w.refuse = "" })
		after(time.Hour)
		w.wants(t, "a/one", "a/secret", "a/two")
		stop()
		if s := a.State(); s.Err != "" {
			t.Errorf("the state is %+v", s)
		}
		if strings.Count(w.log.String(), "\n") != 2 || strings.Contains(w.log.String(), "secret") {
			t.Errorf("logged %s", &w.log)
		}
	})
}

func TestARefusalToForgetIsRemembered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a/one", "a/two")
		_, stop := run(t, w.options())
		after(time.Minute)
		w.set(func() { w.refuse = "one" })
		w.track("a/two")
		after(time.Minute)
		w.wants(t, "a/one", "a/two")
		w.set(func() { w.refuse = "" })
		after(time.Hour)
		w.wants(t, "a/two")
		stop()
	})
}

func TestAMemoryThatFailsIsAState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld("a/one")
		w.fail = errors.New("the disk is full")
		a, stop := run(t, w.options())
		after(time.Minute)
		if s := a.State(); s.Err != "the disk is full" || w.count() > 0 {
			t.Errorf("the state is %+v, %d messages are published", s, w.count())
		}
		w.set(func() { w.fail = nil })
		after(time.Minute)
		w.wants(t, "a/one")
		if s := a.State(); s.Err != "" {
			t.Errorf("the state is %+v", s)
		}
		stop()
	})
}

func TestThereIsABoundOfRepositories(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var names []string
		for i := range maxRepositories + 1 {
			names = append(names, fmt.Sprint("a/", i))
		}
		w := newWorld(names...)
		a, stop := run(t, w.options())
		after(time.Hour)
		w.wants(t, names[:maxRepositories]...)
		if s := a.State(); s.Err != "too many repositories: 5001, of which 1 not announced" {
			t.Errorf("the state is %+v", s)
		}
		if w.most != atOnce {
			t.Errorf("%d messages were on their way at a time", w.most)
		}
		stop()
	})
}

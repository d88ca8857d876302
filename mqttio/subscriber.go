package mqttio

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/internal/document"
	"pulltrail/internal/topic"
)

// Store is where messages go.
type Store interface {
	// Append makes a batch durable and gives one outcome per message, in their order.
	// An error means that nothing is known to be durable; the same batch is offered
	// again. Messages may come more than once.
	Append(ctx context.Context, batch []document.Message) ([]document.Outcome, error)
}

// DeadLetters is where messages go that the store has refused for good.
type DeadLetters interface {
	// Put makes letters durable. A key that exists is left as it is. After an error
	// the same letters are offered again.
	Put(ctx context.Context, letters ...document.DeadLetter) error
}

// The names of the two subscribers, and who refuses a message of each.
const (
	snapshots   = "snapshots"
	documents   = "documents"
	sinkHistory = "history"
	sinkJournal = "journal"
)

// SubscriberOptions are what does not come from the configuration.
type SubscriberOptions struct {
	// Name is "snapshots" or "documents"; it tells the sessions apart.
	Name string
	// Filters are subscribed, without those that another one covers.
	Filters []string
	// Accept reports whether a message is for this subscriber. Another one is
	// acknowledged and passed over: the subscriptions of two may overlap.
	Accept      func(topic string) bool
	Store       Store
	DeadLetters DeadLetters
	// Confirm is told the identities of what is durable; nil when nobody waits for it.
	Confirm func(ctx context.Context, ids []string) error
	Log     *slog.Logger
	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer
	// Broker is the URL of the broker, the embedded one included.
	Broker string
	// ClientID is that of the process.
	ClientID string
	// Versions remembers brokers without MQTT 5; nil remembers them for this session.
	Versions VersionMemory
}

// Subscriber receives messages and has them stored. See the package comment.
type Subscriber struct {
	opts       SubscriberOptions
	cfg        Config
	sink       string
	filters    []string
	maxPayload int64
	dots       sync.Once // logs that the broker replaces dots in topics
	status     status
	link       *link
	queue      *queue
	counts     subscriberMetrics
	subscribed chan struct{}
}

// NewSubscriber makes a subscriber; Run connects it.
func NewSubscriber(cfg Config, opts SubscriberOptions) (*Subscriber, error) {
	s := &Subscriber{opts: opts, cfg: cfg, sink: sinkHistory, filters: topic.Minimal(opts.Filters), maxPayload: cfg.MaxPayload,
		queue: newQueue(), subscribed: make(chan struct{}, 1)}
	id := opts.ClientID
	switch opts.Name {
	case snapshots:
	case documents:
		s.sink = sinkJournal
		id += documentsSuffix
	default:
		return nil, fmt.Errorf("mqtt: there is no subscriber of %q, only of %s and %s", opts.Name, snapshots, documents)
	}
	if len(s.filters) == 0 {
		return nil, fmt.Errorf("mqtt: the subscriber of %s has no topic filter", opts.Name)
	}
	var err error
	if s.link, err = newLink(cfg, opts.Broker, id, opts.Versions, opts.Log); err != nil {
		return nil, err
	}
	s.status = newStatus(cfg, opts.ClientID)
	s.link.hello.expiry = cfg.SessionExpiry
	s.link.hello.receive = s.receive
	s.link.queue = s.queue
	s.link.serve = s.subscribe
	s.link.state.note("not subscribed yet")
	m := newMetrics(opts.Name)
	s.link.counts = m.link()
	s.counts = m.subscriber(s.queue)
	return s, m.register(opts.Registerer)
}

// Name is that of the options.
func (s *Subscriber) Name() string { return s.opts.Name }

// ClientID is what the broker knows its session by.
func (s *Subscriber) ClientID() string { return s.link.hello.clientID }

// Subscribed carries a signal after each time that all filters were granted, to one
// receiver.
func (s *Subscriber) Subscribed() <-chan struct{} { return s.subscribed }

// State says how the session and its store are.
func (s *Subscriber) State() State { return s.link.state.state() }

// Run receives and stores until ctx is done. Then it takes nothing more in, stores
// what it has within 5 s, or half a second where the store refuses, and leaves the rest to the session, which the broker keeps.
// It is called once.
func (s *Subscriber) Run(ctx context.Context) error {
	connected, hangUp := context.WithCancel(context.WithoutCancel(ctx))
	defer hangUp()
	storing, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	var others sync.WaitGroup
	others.Go(func() {
		defer s.queue.close()
		s.link.run(connected)
	})
	others.Go(func() {
		select {
		case <-ctx.Done():
		case <-storing.Done():
			return
		}
		s.queue.close()
		patience := s.link.pace.drain
		if s.link.state.has(faultStore) {
			patience /= 10 // it has been refusing all the while
		}
		sleep(storing, patience)
		giveUp()
	})
	for batch := s.queue.take(storing); len(batch) > 0; batch = s.queue.take(storing) {
		if err := s.store(storing, batch); err != nil {
			break // out of time: the broker sends them again
		}
		s.queue.done()
	}
	giveUp()
	hangUp()
	others.Wait()
	return nil
}

// receive takes a message off the connection.
func (s *Subscriber) receive(it item) {
	s.counts.received.Inc()
	it.Received = time.Now().UTC()
	s.queue.push(it)
}

// subscribe asks for the filters on each new connection, because they may have
// changed since the broker made the session, until all are granted.
func (s *Subscriber) subscribe(ctx context.Context, c connection) {
	pace := s.link.pace
	wanted := s.filters
	for n := 0; ; n++ {
		answered := s.link.asking()
		a := ask(ctx, c, wanted)
		answered()
		if ctx.Err() != nil {
			return
		}
		if a.why == "" {
			s.link.state.mend(faultSubscription)
			s.link.state.note("")
			select {
			case s.subscribed <- struct{}{}:
			default: // the signal before has not been received
			}
			return
		}
		pause := jittered(pace.least, pace.most, n)
		switch {
		case a.busy && n < busyTries:
		case len(a.refused) > 0: // those that are granted would replay what is retained
			wanted, pause = a.refused, pace.refused
			fallthrough
		default:
			s.link.state.fail(faultSubscription, a.why)
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// busyTries is how often a subscription meets a packet id in use before that counts as
// a failure. The embedded broker numbers the packets of both directions in one range,
// so while it sends again what waits in a session, our numbers collide with its own.
const busyTries = 5

// An answer is what a broker says to a subscription.
type answer struct {
	refused []string // filters
	why     string   // what is wrong; empty when all filters are granted
	busy    bool     // trying again will do
}

// ask subscribes.
func ask(ctx context.Context, c connection, filters []string) (a answer) {
	codes, said, err := c.subscribe(ctx, filters)
	if err == nil && len(codes) != len(filters) {
		err = fmt.Errorf("the broker has answered for another number of filters than %d", len(filters))
	}
	if err != nil {
		return answer{why: fmt.Sprintf("cannot subscribe to %s: %v", filters[0], err)}
	}
	for i, code := range codes {
		if code < codeFailure {
			continue
		}
		a.refused = append(a.refused, filters[i])
		a.busy = a.busy || code == codeIDInUse
		if a.why == "" {
			a.why = fmt.Sprintf("the broker refuses the subscription of %s: %s", filters[i], reason(code, said))
		}
	}
	return a
}

package mqttio

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/internal/document"
)

// Outbox is where snapshots wait until they have arrived.
type Outbox interface {
	// Pending gives the unconfirmed snapshots that follow after, the oldest slot
	// first, at most 1,000; the zero value stands before the first. The order is one
	// that lasts, so that calls with the last one of each page see every snapshot.
	Pending(ctx context.Context, after document.Pending) ([]document.Pending, error)
	// Notify carries a signal after each snapshot that is added, to one receiver.
	Notify() <-chan struct{}
	// Len counts the unconfirmed snapshots.
	Len(ctx context.Context) (int, error)
}

// Acknowledgement says that the broker has taken a snapshot.
type Acknowledgement struct {
	document.Pending
	Topic string
	// Kept is false where the broker had nobody to give the snapshot to and does not
	// retain it. Brokers of MQTT 3.1.1 do not say so.
	Kept bool
}

// PublisherOptions are what does not come from the configuration.
type PublisherOptions struct {
	Outbox Outbox
	Log    *slog.Logger
	// Again carries a signal when our own subscription stands: what was published before
	// found nobody, so everything pending is due. Nil where nothing comes back.
	Again <-chan struct{}
	// Acknowledged, where set, is told of each PUBACK, by several goroutines. Whether the
	// snapshot stays pending is its affair; its error is shown in State. Nil where
	// snapshots come back.
	Acknowledged func(context.Context, Acknowledgement) error
	// Registerer takes the metrics; nil for none.
	Registerer prometheus.Registerer
	// Broker is the URL of the broker, the embedded one included.
	Broker string
	// ClientID is that of the process.
	ClientID string
	// Versions remembers brokers without MQTT 5; nil remembers them for this session.
	Versions VersionMemory
}

// Publisher publishes what is pending in the outbox. See the package comment.
type Publisher struct {
	cfg    Config
	outbox Outbox
	again  <-chan struct{}
	acked  func(context.Context, Acknowledgement) error
	link   *link
	counts publisherMetrics
	status status
	outlet *outlet
	// times is used by one connection at a time, under mu while several snapshots
	// are on their way.
	mu    sync.Mutex
	times *schedule
}

// NewPublisher makes a publisher; Run connects it.
func NewPublisher(cfg Config, opts PublisherOptions) (*Publisher, error) {
	l, err := newLink(cfg, opts.Broker, opts.ClientID+publisherSuffix, opts.Versions, opts.Log)
	if err != nil {
		return nil, err
	}
	p := &Publisher{cfg: cfg, outbox: opts.Outbox, again: opts.Again, acked: opts.Acknowledged, link: l, outlet: newOutlet()}
	p.status = newStatus(cfg, opts.ClientID)
	l.hello.will = p.status.message(offline, true)
	l.serve = p.serve
	l.backlog = opts.Outbox.Len
	l.parting = p.signOff
	m := newMetrics("publisher")
	l.counts = m.link()
	p.counts = m.publisher()
	if warning := cfg.TLS.Warning("the broker"); warning != "" && l.tls != nil {
		l.log.Warn(warning)
	}
	return p, m.register(opts.Registerer)
}

// State says how the session is and what the broker refuses.
func (p *Publisher) State() State { return p.link.state.state() }

// Run publishes until ctx is done. What is on its way then stays in the outbox. It is
// called once.
func (p *Publisher) Run(ctx context.Context) error {
	p.times = newSchedule(p.link.pace.publish, p.link.pace.publishMost)
	p.listenFirst(ctx)
	p.link.run(ctx)
	return nil
}

// listenPatience is how long the first connection waits for our own subscription.
const listenPatience = 2 * time.Second

// listenFirst lets our own subscription come first, where it comes soon: what is published
// before it would be heard by nobody, and be published again.
func (p *Publisher) listenFirst(ctx context.Context) {
	timer := time.NewTimer(listenPatience)
	defer timer.Stop()
	select {
	case <-p.listening():
	case <-timer.C:
	case <-ctx.Done():
	}
}

// listening is p.again, or a closed channel where there is no subscription to wait for.
func (p *Publisher) listening() <-chan struct{} {
	if p.again != nil {
		return p.again
	}
	none := make(chan struct{})
	close(none)
	return none
}

// serve works through the outbox for as long as the connection stands.
func (p *Publisher) serve(ctx context.Context, c connection) {
	defer p.outlet.close()
	p.signOn(ctx, c)
	p.times.hurry()
	select {
	case <-p.again: // what is published from now on is heard
	default:
	}
	for failures := 0; ctx.Err() == nil; {
		if err := p.round(ctx, c); err != nil {
			if ctx.Err() != nil {
				return
			}
			p.link.state.fail(faultOutbox, err.Error())
			sleep(ctx, jittered(p.link.pace.store, p.link.pace.storeMost, failures))
			failures++
			continue
		}
		failures = 0
		p.link.state.mend(faultOutbox)
		p.report(c)
		p.outlet.open(c)
		p.wait(ctx)
	}
}

// wait returns when there may be something to publish.
func (p *Publisher) wait(ctx context.Context) {
	var due <-chan time.Time
	if at, ok := p.times.next(); ok {
		timer := time.NewTimer(time.Until(at))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-ctx.Done():
	case <-p.outbox.Notify():
	case <-p.again:
		p.times.hurry()
	case <-due:
	}
}

// round publishes everything that is pending and due.
func (p *Publisher) round(ctx context.Context, c connection) error {
	p.times.begin()
	var after document.Pending
	for {
		page, err := p.outbox.Pending(ctx, after)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			p.times.end()
			return nil
		}
		if err := p.page(ctx, c, page); err != nil {
			return err
		}
		after = page[len(page)-1]
	}
}

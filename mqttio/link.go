package mqttio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/url"
	"sync"
	"time"

	"pulltrail/internal/secret"
)

// The sessions of one process have client ids of their own, because a broker knows
// one session by each. Snapshots are received by the bare id.
const (
	publisherSuffix = "-publisher"
	documentsSuffix = "-documents"
)

const (
	keepAlive = 30 // seconds
	// dialTimeout bounds the connection of the network, connectTimeout the whole.
	dialTimeout    = 10 * time.Second
	connectTimeout = 15 * time.Second
	// partingTimeout bounds how long it takes to end a connection in order.
	partingTimeout = 2 * time.Second
	// receiveMaximum is the most that the protocol allows. A lower one is no
	// dependable brake (brokers exceed it), and costs messages on others.
	receiveMaximum = math.MaxUint16
)

// link is the connection of one session: made, and made again for ever.
type link struct {
	broker   *url.URL
	tls      *tls.Config
	hello    hello
	versions *versions
	log      *slog.Logger
	state    *tracker
	pace     pace
	counts   linkMetrics

	// queue is where receive puts what it takes; nil without one. While it is long the
	// connection is not read.
	queue *queue
	// serve is called for each connection, one at a time, with a context that ends
	// with the connection.
	serve func(context.Context, connection)
	// parting, where set, is called before a connection is ended in order.
	parting func(context.Context, connection)
	// backlog, where set, counts what waits for the connection; outages that last are then logged with it.
	backlog func(context.Context) (int, error)

	// open makes the network's part of a connection: dial, or what a test puts in its place.
	open func(context.Context, *url.URL, *tls.Config) (*conn, error)

	retries retries
	outage  outage
	silent  bool // the version is one in which a broker does not say why it ends a connection
	thrown  int  // connections in a row that a broker has ended so, each at once

	mu      sync.Mutex
	conn    *conn  // of the present or the last attempt
	dropped string // why we have dropped conn ourselves
	renewed bool   // we have dropped conn to connect in MQTT 5
}

// newLink reads what the section says about the broker.
func newLink(cfg Config, broker, clientID string, memory VersionMemory, log *slog.Logger) (*link, error) {
	u, err := parseBroker(broker)
	if err != nil {
		return nil, fmt.Errorf("mqtt.url %w", err)
	}
	if clientID == "" {
		return nil, errors.New("mqtt: a session needs a client id")
	}
	l := &link{
		broker: u, pace: defaultPace(), open: dial,
		hello: hello{clientID: clientID, username: cfg.Username, password: cfg.Password},
	}
	if !l.hello.password.IsSet() && cfg.PasswordFile != "" {
		if l.hello.password, err = secret.ReadFile(cfg.PasswordFile); err != nil {
			return nil, fmt.Errorf("mqtt.password_file %s: %w", cfg.PasswordFile, err)
		}
	}
	if isTLS(u) {
		if l.tls, err = cfg.TLS.Build(); err != nil {
			return nil, fmt.Errorf("mqtt.tls: %w", err)
		}
	}
	l.log = log.With("broker", u.String(), "client_id", clientID)
	l.state = newTracker(l.log)
	l.versions = newVersions(cfg.Version, u.String(), memory, l.log)
	return l, nil
}

// run keeps the connection until ctx is done, then ends it properly and waits for all
// that it has started.
func (l *link) run(ctx context.Context) {
	var leaving sync.WaitGroup
	defer l.state.down("")
	defer leaving.Wait()
	next := func() time.Duration {
		pause := l.backoff()
		l.remind(ctx, pause)
		return pause
	}
	for sleep(ctx, next()) {
		c, err := l.connect(ctx)
		switch {
		case ctx.Err() != nil:
			if c != nil {
				c.leave()
			}
			return
		case err != nil:
			end, reason := endingOf(err), connectReason(l.broker.String(), err)
			l.outage.ended(end)
			l.retries.ended(end)
			if end == away {
				l.state.unreachable(reason)
			} else {
				l.state.fail(faultConnection, reason)
			}
			continue
		}
		end := l.hold(ctx, c)
		l.outage.ended(end)
		l.retries.ended(end)
		leaving.Go(c.leave) // of a connection that has ended by itself some may remain
	}
}

// connect makes one attempt, or two where the broker answers that it does not support the
// version of the first.
func (l *link) connect(ctx context.Context) (connection, error) {
	l.versions.recall(ctx)
	c, again, err := l.attempt(ctx)
	if again && ctx.Err() == nil {
		c, _, err = l.attempt(ctx)
	}
	return c, err
}

// attempt connects in the version that is due, and reports whether to try the other at once.
func (l *link) attempt(ctx context.Context) (c connection, again bool, err error) {
	bounded, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	nc, err := l.dial(bounded)
	if err != nil {
		return nil, false, err
	}
	protocol, five := l.versions.next()
	l.silent = !five
	if l.versions.hasty(five) {
		bounded, cancel = context.WithTimeout(bounded, l.pace.hasty)
		defer cancel()
	}
	h := l.hello
	h.answer = l.pace.answer
	c, err = protocol.connect(bounded, nc, h)
	if ctx.Err() == nil { // an attempt that we have broken off ourselves says nothing
		again = l.versions.tried(ctx, five, nc, err)
	}
	if err == nil {
		return c, false, nil
	}
	_ = nc.Close() // mostly it is closed
	return nil, again, l.refused(nc, err)
}

// checkVersion asks the broker daily whether it supports MQTT 5 by now, while a connection in
// MQTT 3.1.1 stands. It uses a second connection, because a broker may not answer at all, and
// gives up the first only for a broker that accepts MQTT 5.
func (l *link) checkVersion(ctx context.Context) {
	for {
		pause, due := l.versions.untilCheck()
		if !due || !sleep(ctx, pause) {
			return
		}
		l.versions.recall(ctx)
		if pause, due = l.versions.untilCheck(); due && pause > 0 {
			continue // another session has checked
		}
		if due && !l.accepts5(ctx) {
			if ctx.Err() != nil {
				return
			}
			l.versions.reject(ctx, time.Now())
			continue
		}
		if ctx.Err() != nil {
			return
		}
		l.versions.promise(ctx)
		l.log.Info("broker supports MQTT 5; reconnecting")
		l.renew()
		return
	}
}

// accepts5 connects in MQTT 5, with a client ID of its own, and disconnects.
func (l *link) accepts5(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, l.pace.check)
	defer cancel()
	nc, err := l.open(ctx, l.broker, l.tls)
	if err != nil {
		return false
	}
	defer func() { _ = nc.Close() }() // mostly it is closed
	h := hello{clientID: checkID(), username: l.hello.username, password: l.hello.password, answer: l.pace.answer}
	c, err := newProtocol5().connect(ctx, nc, h)
	if err != nil {
		return false
	}
	c.leave()
	return true
}

// refused is err with what is known besides of why the broker has refused us.
func (l *link) refused(c *conn, err error) error {
	var r *refusal
	switch {
	case c.refusesVersion() && l.versions.configured == VersionAuto:
		return &refusal{code: codeVersion}
	case c.refusesVersion():
		return fmt.Errorf("%w: set mqtt.version to auto", &refusal{code: codeVersion})
	case c.hungUp():
		return errors.New(c.why())
	case !errors.As(err, &r) || l.hello.will == nil:
		return err
	case r.code == codeNoRetain: // next time without
		will := *l.hello.will
		will.retain = false
		l.hello.will = &will
	case r.code == codeForbidden:
		return fmt.Errorf("%w; maybe it does not permit the will on %s: permit it, or set mqtt.status_topic to nothing", err, l.hello.will.topic)
	}
	return err
}

// hold serves a connection until it has ended, or ctx is done and it is ended.
func (l *link) hold(ctx context.Context, c connection) ending {
	l.up(c)
	since := time.Now()
	var serving sync.WaitGroup
	connected, hangUp := context.WithCancel(ctx)
	defer hangUp()
	serving.Go(func() {
		if l.state.has(faultTakeover) && sleep(connected, l.pace.settled) {
			l.state.mend(faultTakeover)
		}
	})
	serving.Go(func() { l.serve(connected, c) })
	if l.silent {
		serving.Go(func() { l.checkVersion(connected) })
	}
	select {
	case <-c.ended():
	case <-ctx.Done():
		l.endWithin(partingTimeout)
	}
	hangUp() // or a publisher would wait for an answer that cannot come any more
	serving.Wait()
	if ctx.Err() == nil {
		l.counts.down()
		return l.explain(c, time.Since(since))
	}
	if l.parting != nil {
		parting, cancel := context.WithTimeout(context.WithoutCancel(ctx), partingTimeout)
		defer cancel()
		l.parting(parting, c)
	}
	l.counts.down()
	return stood
}

// endWithin bounds how long the end of the present connection may take, where the broker
// takes nothing in.
func (l *link) endWithin(d time.Duration) {
	l.mu.Lock()
	c := l.conn
	l.mu.Unlock()
	time.AfterFunc(d, func() { _ = c.Close() }) // mostly it is closed by then
}

// backoff is the pause before the next attempt.
func (l *link) backoff() time.Duration {
	if l.retries.last != untried && l.state.has(faultTakeover) {
		return jittered(l.pace.takenOver, 2*l.pace.takenOver, 0)
	}
	return l.retries.pause(l.pace)
}

// dial makes the network's part of a connection.
func (l *link) dial(ctx context.Context) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := l.open(ctx, l.broker, l.tls)
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c.queue = l.queue
	c.owed.ask() // to be connected
	l.conn, l.dropped, l.renewed = c, "", false
	return c, nil
}

func (l *link) up(c connection) {
	l.mu.Lock()
	l.conn.owed.answered()
	l.mu.Unlock()
	version := Version5
	if l.silent {
		version = Version311
	}
	l.state.up("mqtt_version", version, "session_present", c.sessionPresent())
	l.counts.up()
}

// asking is called when the broker is asked for something; what it returns, when there
// is an answer, or none.
func (l *link) asking() (answered func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn.owed.ask()
	return l.conn.owed.answered
}

// explain puts into the state why a connection has ended, which stood for so long, and
// returns how it has ended.
func (l *link) explain(c connection, lasted time.Duration) ending {
	l.mu.Lock()
	why, conn, renewed := l.dropped, l.conn, l.renewed
	l.mu.Unlock()
	if renewed {
		l.thrown = 0
		l.state.down("")
		return stood
	}
	d := c.farewell()
	if d == nil && why == "" && l.silent && conn.endedByPeer() && lasted < atOnce {
		l.thrown++
	} else {
		l.thrown = 0
	}
	switch {
	case d != nil && d.code == codeTakenOver:
		l.state.fail(faultTakeover, "another client uses "+l.rivals())
		why = fmt.Sprintf("%s has handed the session to another client", l.broker)
	case d != nil:
		why = fmt.Sprintf("%s has ended the connection: %v", l.broker, d)
	case why == "":
		why = fmt.Sprintf("the connection to %s is lost: %s", l.broker, conn.why())
	}
	if l.thrown >= thrownOften {
		l.state.fail(faultTakeover, "the broker ends every connection at once: maybe another client uses "+l.rivals())
	}
	l.state.down(why)
	if lasted < atOnce {
		return endedAtOnce
	}
	return stood
}

// In MQTT 3.1.1 a broker that hands the session to another client ends our connection
// without a word. It is taken for that when so many have ended in a row, each within atOnce.
const (
	thrownOften = 8
	atOnce      = 10 * time.Second
)

func (l *link) rivals() string {
	return fmt.Sprintf("the id %s, and the two throw each other out: give each daemon its own mqtt.client_id", l.hello.clientID)
}

// drop gives the present connection up, to make another.
func (l *link) drop(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil || l.dropped != "" {
		return
	}
	l.dropped = why
	_ = l.conn.Close() // the client notices by what it reads
}

// renew gives the present connection up for one in MQTT 5.
func (l *link) renew() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dropped != "" {
		return
	}
	l.dropped, l.renewed = "the broker supports MQTT 5", true
	_ = l.conn.Close() // the client notices by what it reads
}

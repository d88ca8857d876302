package mqttio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/url"
	"sync"
	"time"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"

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
	// receiveMaximum is the most that the protocol allows. A lower one is no
	// dependable brake (brokers exceed it), and costs messages on others.
	receiveMaximum = math.MaxUint16
)

// link is the connection of one session: made, and made again for ever.
type link struct {
	broker   *url.URL
	tls      *tls.Config
	clientID string
	username string
	password secret.String
	// expiry is how long the broker keeps the session without a connection; 0 for a
	// session that starts afresh each time.
	expiry time.Duration
	log    *slog.Logger
	state  *tracker
	pace   pace
	counts linkMetrics

	// queue is where receive puts what it takes; nil without one. While it is long the
	// connection is not read.
	queue *queue
	// receive takes a message. While it waits paho goes on reading, and holds as many
	// messages as the Receive Maximum.
	receive func(*paho.Publish)
	// serve is called for each connection, one at a time, with a context that ends
	// with the connection.
	serve func(context.Context, *autopaho.ConnectionManager, *paho.Connack)

	session *session
	pinger  *pinger
	first   bool // no attempt has been made yet
	away    bool // the last attempt reached nobody

	mu      sync.Mutex
	conn    *conn
	dropped string // why we have dropped conn ourselves
	hangUp  context.CancelFunc

	serving sync.WaitGroup
	turn    sync.Mutex // held by the one that serves
}

// newLink reads what the section says about the broker.
func newLink(cfg Config, broker, clientID string, log *slog.Logger) (*link, error) {
	u, err := parseBroker(broker)
	if err != nil {
		return nil, fmt.Errorf("mqtt.url %w", err)
	}
	if clientID == "" {
		return nil, errors.New("mqtt: a session needs a client id")
	}
	l := &link{
		broker: u, clientID: clientID, username: cfg.Username, password: cfg.Password,
		session: newSession(), pinger: newPinger(), pace: defaultPace(), first: true,
	}
	if !l.password.IsSet() && cfg.PasswordFile != "" {
		if l.password, err = secret.ReadFile(cfg.PasswordFile); err != nil {
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
	return l, nil
}

// run keeps the connection until ctx is done, then ends it properly and waits for all
// that it has started.
func (l *link) run(ctx context.Context) error {
	manager, err := autopaho.NewConnection(ctx, l.config(ctx))
	if err != nil {
		return fmt.Errorf("mqtt: %w", err)
	}
	<-manager.Done()
	l.disconnected()
	l.serving.Wait()
	l.state.down("")
	return nil
}

func (l *link) config(ctx context.Context) autopaho.ClientConfig {
	most := uint16(receiveMaximum)
	return autopaho.ClientConfig{
		ServerUrls:                    []*url.URL{l.broker},
		KeepAlive:                     keepAlive,
		CleanStartOnInitialConnection: l.expiry == 0,
		SessionExpiryInterval:         uint32(l.expiry / time.Second), //nolint:gosec // Validate keeps it in range
		ConnectUsername:               l.username,
		ConnectPassword:               []byte(l.password.Reveal()),
		ConnectTimeout:                connectTimeout,
		ReconnectBackoff:              l.backoff,
		ConnectPacketBuilder: func(c *paho.Connect, _ *url.URL) (*paho.Connect, error) {
			if c.Properties == nil {
				c.Properties = &paho.ConnectProperties{}
			}
			c.Properties.ReceiveMaximum = &most
			return c, nil
		},
		AttemptConnection: l.attempt,
		OnConnectError: func(err error) {
			l.state.fail(faultConnection, connectReason(l.broker.String(), err))
		},
		OnConnectionUp: func(m *autopaho.ConnectionManager, ack *paho.Connack) { l.up(ctx, m, ack) },
		OnConnectionDown: func() bool {
			l.disconnected()
			l.explain()
			return true
		},
		ClientConfig: paho.ClientConfig{
			ClientID:      l.clientID,
			Session:       l.session,
			PacketTimeout: l.pace.answer,
			PingHandler:   l.pinger,
			OnPublishReceived: []func(paho.PublishReceived) (bool, error){
				func(p paho.PublishReceived) (bool, error) {
					if l.receive != nil {
						l.receive(p.Packet)
					}
					return true, nil
				},
			},
		},
	}
}

// backoff is the pause before attempt n since the last connection.
func (l *link) backoff(n int) time.Duration {
	switch {
	case l.first:
		l.first = false
		return 0
	case l.state.has(faultTakeover):
		return jittered(l.pace.takenOver, 2*l.pace.takenOver, 0)
	case l.away && n < quickTries:
		return jittered(l.pace.least, l.pace.away, n)
	case l.away:
		return jittered(l.pace.least, 4*l.pace.away, n)
	}
	return jittered(l.pace.least, l.pace.most, n)
}

// attempt makes the network's part of a connection.
func (l *link) attempt(ctx context.Context, _ autopaho.ClientConfig, u *url.URL) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	c, err := dial(ctx, u, l.tls)
	var failed *net.OpError
	l.away = errors.As(err, &failed) && failed.Op == "dial"
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	c.queue = l.queue
	c.owed.ask() // to be connected
	l.conn, l.dropped = c, ""
	return c, nil
}

func (l *link) up(ctx context.Context, m *autopaho.ConnectionManager, ack *paho.Connack) {
	ctx, cancel := context.WithCancel(ctx)
	l.mu.Lock()
	l.hangUp = cancel
	l.conn.owed.answered()
	l.mu.Unlock()
	l.state.up()
	l.counts.up()
	l.log.Debug("connection is up", "session_present", ack.SessionPresent)
	l.serving.Go(func() { // what must not block paho
		if l.state.has(faultTakeover) && sleep(ctx, l.pace.settled) {
			l.state.mend(faultTakeover)
		}
	})
	l.serving.Go(func() {
		l.turn.Lock()
		defer l.turn.Unlock()
		if ctx.Err() == nil {
			l.serve(ctx, m, ack)
		}
	})
}

// disconnected ends the context of the connection. Without that a Publish would wait
// for an answer that cannot come any more.
func (l *link) disconnected() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.hangUp != nil {
		l.hangUp()
		l.hangUp = nil
		l.counts.down()
	}
}

// asking is called when the broker is asked for something; what it returns, when there
// is an answer, or none.
func (l *link) asking() (answered func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conn.owed.ask()
	return l.conn.owed.answered
}

// explain puts into the state why the connection has ended.
func (l *link) explain() {
	l.mu.Lock()
	why := l.dropped
	if why == "" {
		why = fmt.Sprintf("the connection to %s is lost: %s", l.broker, l.conn.why())
	}
	l.mu.Unlock()
	if d := l.session.farewell(); d != nil {
		why = farewellReason(l.broker.String(), d)
		if d.ReasonCode == codeTakenOver {
			l.state.fail(faultTakeover, fmt.Sprintf(
				"another client uses the id %s, and the two throw each other out: give each daemon its own mqtt.client_id", l.clientID))
			why = fmt.Sprintf("%s has handed the session to another client", l.broker)
		}
	}
	l.state.down(why)
}

// drop gives the present connection up, to make another.
func (l *link) drop(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.conn == nil || l.dropped != "" {
		return
	}
	l.dropped = why
	_ = l.conn.Close() // paho notices by what it reads
}

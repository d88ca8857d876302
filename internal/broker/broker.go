// Package broker is the MQTT broker inside Pulltrail, for those who run no other. It
// wraps mochi-mqtt.
//
// What it promises: other programs can connect to it, publish, subscribe, and get the
// retained messages, in MQTT 5, 3.1.1 and 3.1, encrypted where there is a certificate. Who
// names users lets nobody else in; each of them may do everything. Without users it
// belongs on the loopback interface only; the configuration sees to that. The process
// itself gets in with credentials that are made at start and stand nowhere, and nobody else
// gets its sessions.
//
// A message at QoS 1 or 2 of another program is acknowledged only while the clients are
// there that Await names, and is with their sessions then; Drain has them store it before
// they go. So an orderly end loses nothing. It keeps everything in memory, though: what was
// acknowledged and is not stored is gone when the process is killed, and so is what waits in
// the sessions of others when it ends; and another client can lose a message that is
// published in the instant in which its session comes back. Whoever needs more keeps a
// message until it has arrived, as the outbox does, and puts the retained ones back with
// Retain after a start.
//
// It takes no notice of a client's Receive Maximum, which mochi honours by losing
// messages or by hanging.
//
// A panic while the broker reads or handles a packet ends that connection as if it had been
// lost: the will is published and the session ends or waits, as the client asked. The panic is
// logged with its stack, ten times at once and then once a minute, and counted in
// pulltrail_broker_panics_total.
//
// At its bounds: 1,024 connections, and some more that have not said yet who they are, for
// which they have 10 s and 256 KiB; half of the processors check passwords. Failed logins are
// limited as those of the page are (internal/loginlimit): beyond that a client is told to come
// later, by code 0x9F, or 3 before MQTT 5, unless its password is known already. A message waits
// 30 s to be let in, then its client is disconnected, to send it again; so is a client that
// reads nothing of what is sent to it for 10 s. Who publishes to a client waits while that
// reads what it was sent before: 10 s at most, and a second for each 16 KiB. Per session
// 65,535 messages on their way or waiting, for 7 days. Further messages for that session
// are dropped, which is logged once a minute while it lasts and counted in
// $SYS/broker/messages/dropped.
//
// What others have it keep uses 64 MiB for retained messages, 256 MiB for messages that wait, of
// which 64 MiB in one session, and 64 MiB for subscriptions, with 1,000 for each client.
// Levels and packets count 1 KiB each. A message that cannot be retained is passed on, and
// takes away the one that its topic had. There are 1,024 sessions without a connection: a
// further one ends the one that was disconnected longest. Each is logged once a minute and
// counted in pulltrail_broker_limited_total. The process itself is not limited.
//
// Topics and filters have 200 levels; a client has 16 topic aliases. Messages have no bound
// of size but the protocol's 256 MiB, and the memory for those that are being received has none.
package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"syscall"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/internal/secret"
)

const (
	maxConnections = 1024
	// maxStrangers is how many connections more there may be, of those who have not said yet
	// who they are.
	maxStrangers = 128
	maxListeners = 2
	// ownConnections are kept free for the process itself.
	ownConnections = 16
	drainPoll      = 2 * time.Millisecond
	// maxWaiting messages per session. mochi drops unacknowledged messages when a
	// client's Receive Maximum is exceeded, so it is the protocol's highest.
	maxWaiting    = math.MaxUint16
	sessionExpiry = 7 * 24 * time.Hour
	// sysInterval is how often the $SYS topics are published, in seconds. Each time
	// costs a look at all the memory.
	sysInterval = 30
	bufferSize  = 16 << 10 // bytes for each client, each way
)

// Options are what a broker is made of.
type Options struct {
	// Listen is host:port; port 0 takes any that is free.
	Listen string
	// OrFree takes a free port of the same host where that of Listen is in use.
	OrFree bool
	// TLS is a second address, where connections are encrypted.
	TLS TLS
	// Users are names with the texts of their hashes, as passhash reads them. Empty lets
	// everybody in.
	Users map[string]string
	// ClientID is that of the process itself: nobody else may have it, or one that begins
	// with it and a hyphen. Empty for none.
	ClientID string
	Log      *slog.Logger
}

// TLS is where connections are encrypted, and by which certificate.
type TLS struct {
	Listen            string // host:port; empty for nowhere
	CertFile, KeyFile string // PEM
}

// Broker is an embedded broker: New, Listen, then Serve or Close.
type Broker struct {
	opts   Options
	log    *slog.Logger
	server *mqtt.Server
	door   *door

	listeners []*listener // none before Listen; the one without TLS is the first
	displaced string      // what Displaced says
	failed    chan error  // receives why a listener cannot accept any more
	stop      sync.Once
}

// New makes a broker. The error names the user whose hash cannot be read.
func New(o Options) (*Broker, error) {
	door, err := newDoor(o)
	if err != nil {
		return nil, fmt.Errorf("embedded broker: %w", err)
	}
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumClients = maxConnections + ownConnections // the door counts those of others
	capabilities.ReceiveMaximum = maxWaiting
	capabilities.MaximumInflight = maxWaiting
	capabilities.MaximumClientWritesPending = maxWaiting
	capabilities.MaximumSessionExpiryInterval = uint32(sessionExpiry / time.Second)
	capabilities.TopicAliasMaximum = maxAliases
	// The properties of an acknowledgement are the broker's, not those of the message.
	capabilities.Compatibilities.NoInheritedPropertiesOnAck = true
	capabilities.MaximumMessageExpiryInterval = 0 // messages expire when their publisher says so, retained ones too
	b := &Broker{
		opts:   o,
		log:    o.Log,
		door:   door,
		failed: make(chan error, maxListeners),
		server: mqtt.New(&mqtt.Options{
			Capabilities:             capabilities,
			ClientNetReadBufferSize:  bufferSize,
			ClientNetWriteBufferSize: bufferSize,
			Logger:                   slog.New(newQuiet(o.Log.Handler())),
			SysTopicResendInterval:   sysInterval,
			InlineClient:             true,
		}),
	}
	door.server = b.server
	return b, nil
}

// Listen binds the addresses. Nobody is served yet. The error for a port in use names the
// remedies.
func (b *Broker) Listen() error {
	err := b.server.AddHook(b.door, nil)
	if err == nil {
		err = b.listenPlain()
	}
	if err == nil && b.opts.TLS.Listen != "" {
		err = b.listenTLS()
	}
	if err != nil {
		for _, l := range b.listeners {
			err = errors.Join(err, l.Listener.Close())
		}
		return fmt.Errorf("embedded broker: %w", err)
	}
	return nil
}

// listenPlain takes a free port where the one that was asked for is in use, if it may.
func (b *Broker) listenPlain() error {
	const key = "mqtt.embedded.listen"
	err := b.listen(key, b.opts.Listen, nil)
	if !b.opts.OrFree || !errors.Is(err, syscall.EADDRINUSE) {
		return err
	}
	host, port, _ := net.SplitHostPort(b.opts.Listen) // it is valid, or listening would have failed otherwise
	if err := b.listen(key, net.JoinHostPort(host, "0"), nil); err != nil {
		return err
	}
	b.displaced = fmt.Sprintf("listens on %s, because another program uses port %s; to choose a port that stays, set %s, or mqtt.url to mqtt://%s to use the broker there",
		b.Addr(), port, key, b.opts.Listen)
	return nil
}

// Displaced says where the broker listens, and why, if that is not the port that Listen
// names; otherwise it is empty.
func (b *Broker) Displaced() string { return b.displaced }

func (b *Broker) listenTLS() error {
	pair, err := tls.LoadX509KeyPair(b.opts.TLS.CertFile, b.opts.TLS.KeyFile)
	if err != nil {
		return fmt.Errorf("mqtt.embedded.tls: %w", err)
	}
	return b.listen("mqtt.embedded.listen_tls", b.opts.TLS.Listen, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}})
}

func (b *Broker) listen(key, address string, config *tls.Config) error {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(address)
		return fmt.Errorf("port %s is in use (%s): another program, maybe a broker, listens there already; "+
			"set %s to another port, or mqtt.url to mqtt://%s to use the broker that is there: %w", port, address, key, address, err)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	id := "tcp"
	if config != nil {
		id, l = "tls", tls.NewListener(l, config)
	}
	b.listeners = append(b.listeners, newListener(id, l, b.failed, b.door.crashed))
	return b.server.AddListener(b.listeners[len(b.listeners)-1])
}

// Await names the clients of the process itself without which no message of others is
// acknowledged: nothing is taken that nobody is there to store. Before the first call
// nobody is waited for.
func (b *Broker) Await(clientIDs ...string) { b.door.await(clientIDs...) }

// Dismiss ends the sessions of those that Await has named before and does not any more, and
// says how many messages were waiting in them, which nobody will take.
func (b *Broker) Dismiss() (dropped int) {
	for _, id := range b.door.dismiss() {
		dropped += b.unacknowledged(id)
		if c, ok := b.server.Clients.Get(id); ok {
			c.Stop(packets.ErrAdministrativeAction)
			c.ClearInflights()
			b.server.UnsubscribeClient(c)
			b.server.Clients.Delete(id)
		}
	}
	return dropped
}

// Drain takes no more messages of others, until Await is called again, and waits until
// those clients have acknowledged what was taken, or ctx is done: then it says how many
// messages they have not.
func (b *Broker) Drain(ctx context.Context) (left int) {
	b.door.hold()
	tick := time.NewTicker(drainPoll)
	defer tick.Stop()
	for {
		left, ids := b.door.left()
		for _, id := range ids {
			left += b.unacknowledged(id)
		}
		if left == 0 {
			return 0
		}
		select {
		case <-ctx.Done():
			return left
		case <-tick.C:
		}
	}
}

// unacknowledged are the messages in a session.
func (b *Broker) unacknowledged(id string) (n int) {
	c, ok := b.server.Clients.Get(id)
	if !ok {
		return 0
	}
	for _, p := range c.State.Inflight.GetAll(false) {
		if p.FixedHeader.Type == packets.Publish {
			n++
		}
	}
	return n
}

// Credentials are those of the process itself.
func (b *Broker) Credentials() (username string, password secret.String) {
	return ownName, secret.New(b.door.own)
}

// Addr is where it listens without TLS, once Listen has returned.
func (b *Broker) Addr() net.Addr { return b.listeners[0].Addr() }

// AddrTLS is where it listens with TLS, once Listen has returned; nil for nowhere.
func (b *Broker) AddrTLS() net.Addr {
	if len(b.listeners) < 2 {
		return nil
	}
	return b.listeners[1].Addr()
}

// Register adds the metrics of the broker to a registry. They count from the start of the
// broker, whichever registry they are in.
func (b *Broker) Register(r prometheus.Registerer) error { return b.door.metrics.register(r) }

// Retain makes payload the retained message of topic, and passes it on to those who
// are subscribed.
func (b *Broker) Retain(topic string, payload []byte) error {
	// Quality of service 1 is what subscribers may then get it with.
	if err := b.server.Publish(topic, payload, true, 1); err != nil {
		return fmt.Errorf("embedded broker: retain a message of %s: %w", topic, err)
	}
	return nil
}

// Serve serves until ctx is done, then ends all connections.
func (b *Broker) Serve(ctx context.Context) error {
	if err := b.server.Serve(); err != nil {
		return errors.Join(fmt.Errorf("embedded broker: %w", err), b.Close())
	}
	select {
	case <-ctx.Done():
		return b.Close()
	case err := <-b.failed:
		return errors.Join(fmt.Errorf("embedded broker: %w", err), b.Close())
	}
}

// Close ends all connections and gives the address back, whether it was served or
// not. Further calls do nothing.
func (b *Broker) Close() error {
	var err error
	b.stop.Do(func() {
		b.door.close()
		b.farewell()
		err = b.server.Close() // waits for what the listeners have begun
		b.log.Debug("the embedded broker has stopped")
	})
	return err
}

// farewell tells the clients, and ends their connections. Those of one address may wait for
// those of another, so nobody comes in any more anywhere.
func (b *Broker) farewell() {
	for _, l := range b.listeners {
		l.refuse()
	}
	late := time.AfterFunc(farewell, b.cut) // a client that does not read is not waited for
	endAll(b.server)
	late.Stop()
	b.cut()
}

// cut ends all connections.
func (b *Broker) cut() {
	for _, l := range b.listeners {
		l.cut()
	}
}

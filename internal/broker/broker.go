// Package broker is the MQTT broker inside Pulltrail, for those who run no other. It
// wraps mochi-mqtt.
//
// What it promises: other programs can connect to it, publish, subscribe, and get the
// retained messages. It knows no users, so it belongs on the loopback interface only;
// the configuration sees to that.
//
// It keeps everything in memory. What it has acknowledged is gone when the process
// ends, and a message can be lost that is published in the instant in which a session
// comes back. Whoever needs more keeps a message until it has arrived, as the outbox
// does, and puts the retained ones back with Retain after a start.
//
// It takes no notice of a client's Receive Maximum, which mochi honours by losing
// messages or by hanging.
//
// At its bounds: 1,024 connections; per session 65,535 messages on their way or
// waiting, for 7 days. Further messages for that session are dropped, which is logged
// once a minute while it lasts and counted in $SYS/broker/messages/dropped. Messages
// have no bound of size but the protocol's 256 MiB.
package broker

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"sync"
	"syscall"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
)

const (
	maxConnections = 1024
	// maxWaiting messages per session. mochi drops unacknowledged messages when a
	// client's Receive Maximum is exceeded, so it is the protocol's highest.
	maxWaiting    = math.MaxUint16
	sessionExpiry = 7 * 24 * time.Hour
	// sysInterval is how often the $SYS topics are published, in seconds. Each time
	// costs a look at all the memory.
	sysInterval = 30
	bufferSize  = 16 << 10 // bytes for each client, each way
)

// Broker is an embedded broker: New, Listen, then Serve or Close.
type Broker struct {
	listen string
	log    *slog.Logger
	server *mqtt.Server

	listener *listener // nil before Listen
	stop     sync.Once
}

// New makes a broker that will listen on host:port.
func New(listen string, log *slog.Logger) *Broker {
	capabilities := mqtt.NewDefaultServerCapabilities()
	capabilities.MaximumClients = maxConnections
	capabilities.ReceiveMaximum = maxWaiting
	capabilities.MaximumInflight = maxWaiting
	capabilities.MaximumClientWritesPending = maxWaiting
	capabilities.MaximumSessionExpiryInterval = uint32(sessionExpiry / time.Second)
	capabilities.MaximumMessageExpiryInterval = 0 // messages expire when their publisher says so, retained ones too
	return &Broker{
		listen: listen,
		log:    log,
		server: mqtt.New(&mqtt.Options{
			Capabilities:             capabilities,
			ClientNetReadBufferSize:  bufferSize,
			ClientNetWriteBufferSize: bufferSize,
			Logger:                   slog.New(newQuiet(log.Handler())),
			SysTopicResendInterval:   sysInterval,
			InlineClient:             true,
		}),
	}
}

// Listen binds the address; port 0 takes any that is free. Nobody is served yet. The
// error for a port in use names the remedies.
func (b *Broker) Listen() error {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", b.listen)
	if errors.Is(err, syscall.EADDRINUSE) {
		_, port, _ := net.SplitHostPort(b.listen)
		return fmt.Errorf("embedded broker: port %s is in use (%s): another program, maybe a broker, listens there already; "+
			"set mqtt.embedded.listen to another port, or mqtt.url to mqtt://%s to use the broker that is there: %w", port, b.listen, b.listen, err)
	}
	if err != nil {
		return fmt.Errorf("embedded broker: mqtt.embedded.listen: %w", err)
	}
	if err := b.server.AddHook(new(open), nil); err != nil {
		return errors.Join(fmt.Errorf("embedded broker: %w", err), l.Close())
	}
	b.listener = newListener(l, func() { endAll(b.server) })
	if err := b.server.AddListener(b.listener); err != nil {
		return errors.Join(fmt.Errorf("embedded broker: %w", err), l.Close())
	}
	return nil
}

// Addr is where it listens, once Listen has returned.
func (b *Broker) Addr() net.Addr { return b.listener.Addr() }

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
	case err := <-b.listener.failed:
		return errors.Join(fmt.Errorf("embedded broker: %w", err), b.Close())
	}
}

// Close ends all connections and gives the address back, whether it was served or
// not. Further calls do nothing.
func (b *Broker) Close() error {
	var err error
	b.stop.Do(func() {
		err = b.server.Close()
		b.log.Debug("the embedded broker has stopped")
	})
	return err
}

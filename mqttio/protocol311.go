package mqttio

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"sync"
	"time"

	mqtt "github.com/eclipse/paho.mqtt.golang"
	"github.com/eclipse/paho.mqtt.golang/packets"

	"pulltrail/internal/document"
)

const (
	// version311 is how MQTT 3.1.1 calls itself in a CONNECT packet.
	version311 = 4
	// handOver bounds how long a packet waits to be taken over by paho. It waits that long
	// only if the connection has ended, or takes nothing more.
	handOver = 5 * time.Second
	// goodbye bounds how long a DISCONNECT packet may take.
	goodbye = time.Second
)

// protocol311 is MQTT 3.1.1. Each connection has a client of paho's of its own, which
// makes no other and stores nothing: what it had in flight is published again by
// the outbox, or sent again by the broker.
type protocol311 struct{}

// connection311 is a connection of MQTT 3.1.1.
type connection311 struct {
	client  mqtt.Client
	conn    *conn
	present bool
	arrived chan item // what paho has received
	over    chan struct{}
	sending sync.WaitGroup
}

// connect fails for a password without a user, which the version cannot say (MQTT 3.1.1,
// section 3.1.2.9).
func (protocol311) connect(ctx context.Context, c *conn, h hello) (connection, error) {
	if h.username == "" && h.password.IsSet() {
		return nil, errors.New("MQTT 3.1.1 has no password without a user: write mqtt.username")
	}
	k := &connection311{conn: c, arrived: make(chan item, receiveMaximum), over: make(chan struct{})}
	k.client = mqtt.NewClient(h.options311(k))
	cancel := context.AfterFunc(ctx, func() { _ = c.Close() })
	defer cancel()
	go k.deliver(h.receive)
	token := k.client.Connect()
	<-token.Done()
	err := token.Error()
	if err == nil && ctx.Err() == nil {
		k.present = token.(*mqtt.ConnectToken).SessionPresent()
		return k, nil
	}
	k.leave()
	if code, ok := refusals311[token.(*mqtt.ConnectToken).ReturnCode()]; ok && ctx.Err() == nil {
		return nil, &refusal{code: code}
	}
	return nil, errors.Join(ctx.Err(), err)
}

// refusals311 are the codes of MQTT 5 that say the same as those of a CONNACK packet of
// MQTT 3.1.1 (section 3.2.2.3).
var refusals311 = map[byte]byte{
	packets.ErrRefusedBadProtocolVersion:    codeVersion,
	packets.ErrRefusedIDRejected:            0x85,
	packets.ErrRefusedServerUnavailable:     0x88,
	packets.ErrRefusedBadUsernameOrPassword: 0x86,
	packets.ErrRefusedNotAuthorised:         codeForbidden,
}

func (h hello) options311(k *connection311) *mqtt.ClientOptions {
	o := mqtt.NewClientOptions().
		AddBroker("mqtt://broker"). // any will do: the connection is there already
		SetProtocolVersion(version311).
		SetClientID(h.clientID).SetUsername(h.username).SetPassword(h.password.Reveal()).
		SetCleanSession(h.expiry == 0).
		SetKeepAlive(keepAlive * time.Second).SetPingTimeout(h.answer).
		SetConnectTimeout(connectTimeout).SetWriteTimeout(handOver).
		SetConnectRetry(false).SetAutoReconnect(false).SetResumeSubs(false).
		SetStore(nothing{}).SetOrderMatters(true).SetAutoAckDisabled(true).
		SetDefaultPublishHandler(k.receive).
		SetCustomOpenConnectionFn(func(*url.URL, mqtt.ClientOptions) (net.Conn, error) { return whole{k.conn}, nil })
	if h.will != nil {
		o.SetBinaryWill(h.will.topic, h.will.payload, 1, h.will.retain)
	}
	return o
}

// receive takes a message from paho, which reads nothing while it waits.
func (c *connection311) receive(_ mqtt.Client, m mqtt.Message) {
	it := item{
		Message: document.Message{Topic: m.Topic(), Payload: m.Payload(), Retained: m.Retained()},
		by:      c,
	}
	if m.Qos() > 0 {
		it.ack = m.Ack
	}
	select {
	case c.arrived <- it:
	case <-c.conn.closed:
	}
}

// deliver hands over what has arrived until the connection is closed and nothing is left.
func (c *connection311) deliver(receive func(item)) {
	defer close(c.over)
	if receive == nil {
		receive = func(item) {}
	}
	for {
		select {
		case it := <-c.arrived:
			receive(it)
			continue
		case <-c.conn.closed:
		}
		select {
		case it := <-c.arrived:
			receive(it)
		default:
			return
		}
	}
}

func (c *connection311) sessionPresent() bool { return c.present }

func (*connection311) limits() limits { return limits{retain: true} }

func (c *connection311) subscribe(ctx context.Context, filters []string) (codes []byte, said string, err error) {
	wanted := make(map[string]byte, len(filters))
	for _, f := range filters {
		wanted[f] = 1
	}
	token, err := c.await(ctx, "a subscription", func() mqtt.Token { return c.client.SubscribeMultiple(wanted, nil) })
	if err != nil {
		return nil, "", err
	}
	granted := token.(*mqtt.SubscribeToken).Result()
	for _, f := range filters {
		code, ok := granted[f]
		if !ok {
			return nil, "", fmt.Errorf("the broker has answered for %d filters of %d", len(granted), len(filters))
		}
		codes = append(codes, code)
	}
	return codes, "", nil
}

func (c *connection311) publish(ctx context.Context, m message) (code byte, err error) {
	_, err = c.await(ctx, "a message", func() mqtt.Token { return c.client.Publish(m.topic, 1, m.retain, m.payload) })
	return 0, err
}

// await sends a packet and waits for the broker's answer. paho can hold a packet back for
// handOver after the connection has ended, which is not waited for here but in leave.
func (c *connection311) await(ctx context.Context, what string, send func() mqtt.Token) (mqtt.Token, error) {
	sent := make(chan mqtt.Token, 1)
	c.sending.Go(func() { sent <- send() })
	var token mqtt.Token
	select {
	case token = <-sent:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	select {
	case <-token.Done():
		return token, token.Error()
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-c.over:
		return nil, unanswered(what)
	}
}

func (c *connection311) acknowledge(items []item) (n int) {
	select {
	case <-c.conn.closed:
		return 0
	default:
	}
	c.conn.together(func() {
		for _, it := range items {
			if it.ack != nil {
				it.ack()
				n++
			}
		}
	})
	return n
}

func (c *connection311) ended() <-chan struct{} { return c.over }

// farewell is unknown: a broker that speaks MQTT 3.1.1 ends a connection without a word.
func (*connection311) farewell() *refusal { return nil }

func (c *connection311) leave() {
	c.client.Disconnect(uint(goodbye / time.Millisecond))
	_ = c.conn.Close()
	<-c.over
	c.sending.Wait()
}

// nothing is a store of paho's that keeps nothing.
type nothing struct{}

func (nothing) Open()                             {}
func (nothing) Put(string, packets.ControlPacket) {}
func (nothing) Get(string) packets.ControlPacket  { return nil }
func (nothing) All() []string                     { return nil }
func (nothing) Del(string)                        {}
func (nothing) Close()                            {}
func (nothing) Reset()                            {}

// whole is a connection for those who write each packet with one call.
type whole struct{ *conn }

func (c whole) Write(p []byte) (int, error) {
	c.Lock()
	defer c.Unlock()
	return c.conn.Write(p)
}

// SetWriteDeadline does nothing: paho means handOver, which does not bound how long a
// packet may take.
func (whole) SetWriteDeadline(time.Time) error { return nil }

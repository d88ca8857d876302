package mqttio

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"pulltrail/internal/document"
)

// protocol5 is MQTT 5. The state of the session lasts from one connection to the next.
type protocol5 struct{ session *session }

func newProtocol5() *protocol5 { return &protocol5{session: newSession()} }

// connection5 is a connection of MQTT 5.
type connection5 struct {
	*paho.Client
	conn    *conn
	session *session
	pinger  *paho.DefaultPinger
	ack     *paho.Connack
}

func (p *protocol5) connect(ctx context.Context, c *conn, h hello) (connection, error) {
	k := &connection5{conn: c, session: p.session, pinger: paho.NewDefaultPinger()}
	k.Client = paho.NewClient(paho.ClientConfig{
		ClientID: h.clientID, Conn: c, Session: p.session, PacketTimeout: h.answer, PingHandler: k.pinger,
		OnPublishReceived: []func(paho.PublishReceived) (bool, error){func(r paho.PublishReceived) (bool, error) {
			if m := r.Packet; h.receive != nil {
				h.receive(item{
					Message: document.Message{Topic: m.Topic, Payload: m.Payload, Retained: m.Retain},
					by:      k, packetID: m.PacketID,
				})
			}
			return true, nil
		}},
	})
	ack, err := k.Connect(ctx, h.packet5())
	switch {
	case ack != nil && ack.ReasonCode >= codeFailure:
		r := &refusal{code: ack.ReasonCode}
		if ack.Properties != nil {
			r.said = ack.Properties.ReasonString
		}
		return nil, r
	case err != nil:
		return nil, err
	case ack.ReasonCode != 0:
		// A broker of MQTT 3.1.1 may answer in the form of MQTT 5 and with a code of its own:
		// Moquette 0.17 sends 20 03 00 01 00. To paho that is a connection.
		_ = c.Close()
		<-k.Done()
		code, ok := refusals311[ack.ReasonCode]
		if !ok {
			code = codeFailure
		}
		return nil, &refusal{code: code}
	}
	k.ack = ack
	return k, nil
}

func (h hello) packet5() *paho.Connect {
	most, expiry := uint16(receiveMaximum), uint32(h.expiry/time.Second) //nolint:gosec // Validate keeps it in range
	p := &paho.Connect{
		ClientID: h.clientID, KeepAlive: keepAlive, CleanStart: h.expiry == 0,
		Username: h.username, UsernameFlag: h.username != "",
		Password: []byte(h.password.Reveal()), PasswordFlag: h.password.IsSet(),
		Properties: &paho.ConnectProperties{ReceiveMaximum: &most},
	}
	if expiry > 0 {
		p.Properties.SessionExpiryInterval = &expiry
	}
	if h.will != nil {
		p.WillMessage = &paho.WillMessage{Topic: h.will.topic, Payload: h.will.payload, Retain: h.will.retain, QoS: 1}
		p.WillProperties = &paho.WillProperties{}
	}
	return p
}

func (c *connection5) sessionPresent() bool { return c.ack.SessionPresent }

func (c *connection5) limits() limits {
	l := limits{retain: true}
	if p := c.ack.Properties; p != nil {
		l.retain = p.RetainAvailable
		if p.MaximumPacketSize != nil {
			l.maxPacket = int(min(*p.MaximumPacketSize, math.MaxInt32)) // more than a packet can have
		}
	}
	return l
}

func (c *connection5) subscribe(ctx context.Context, filters []string) (codes []byte, said string, err error) {
	request := &paho.Subscribe{}
	for _, f := range filters {
		// Retained messages come with each subscription (RetainHandling 0), and only
		// then with the flag (RetainAsPublished false).
		request.Subscriptions = append(request.Subscriptions, paho.SubscribeOptions{Topic: f, QoS: 1})
	}
	reply, err := c.Subscribe(ctx, request)
	if reply == nil {
		return nil, "", err
	}
	if reply.Properties != nil {
		said = reply.Properties.ReasonString
	}
	return reply.Reasons, said, nil
}

func (c *connection5) publish(ctx context.Context, m message) (code byte, err error) {
	answer, err := c.Publish(ctx, &paho.Publish{
		Topic: m.topic, Payload: m.payload, QoS: 1, Retain: m.retain,
		Properties: &paho.PublishProperties{ContentType: m.contentType},
	})
	switch {
	case answer == nil && errors.Is(err, paho.ErrInvalidArguments):
		return 0, invalid{err}
	case answer == nil:
		return 0, err
	case answer.ReasonCode >= codeFailure:
		said := ""
		if answer.Properties != nil {
			said = answer.Properties.ReasonString
		}
		err = errors.New(reason(answer.ReasonCode, said))
	}
	return answer.ReasonCode, err
}

func (c *connection5) acknowledge(items []item) int {
	n := c.session.acknowledge(c.conn, items)
	if n > 0 {
		// paho does not know of these packets, which stand for pings. A ping would be
		// answered behind all messages that the broker has sent, that is late.
		c.pinger.PacketSent()
	}
	return n
}

func (c *connection5) ended() <-chan struct{} { return c.Done() }

func (c *connection5) farewell() *refusal {
	d := c.session.farewell()
	if d == nil {
		return nil
	}
	r := &refusal{code: d.ReasonCode}
	if d.Properties != nil {
		r.said = d.Properties.ReasonString
	}
	return r
}

func (c *connection5) leave() {
	_ = c.Disconnect(&paho.Disconnect{ReasonCode: packets.DisconnectNormalDisconnection}) // the connection may be gone
	<-c.Done()
}

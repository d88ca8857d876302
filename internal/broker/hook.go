package broker

import (
	"errors"
	"strings"
	"sync/atomic"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"

	"pulltrail/internal/loginlimit"
)

// door lets in who may come in, and works around defects of mochi 2.7.9.
type door struct {
	mqtt.HookBase
	users
	*turnstile
	*handover
	server   *mqtt.Server
	metrics  *metrics
	crashes  *crashes
	budget   *budget
	clientID string        // of the process itself; empty for none
	closed   chan struct{} // when the broker closes
}

func newDoor(o Options) (*door, error) {
	users, err := newUsers(o.Users, o.Log)
	if err != nil {
		return nil, err
	}
	closed, metrics := make(chan struct{}), newMetrics()
	return &door{
		users: users, turnstile: newTurnstile(closed), handover: newHandover(), clientID: o.ClientID, closed: closed,
		metrics: metrics, crashes: newCrashes(metrics, o.Log), budget: newBudget(defaultLimits, metrics, o.Log),
	}, nil
}

func (*door) ID() string { return "door" }

// Provides tells mochi which of the methods to call.
func (*door) Provides(b byte) bool {
	switch b {
	case mqtt.OnConnectAuthenticate, mqtt.OnACLCheck, mqtt.OnConnect,
		mqtt.OnSessionEstablish, mqtt.OnSessionEstablished, mqtt.OnSubscribe, mqtt.OnSubscribed, mqtt.OnDisconnect, mqtt.OnPublish, mqtt.OnPublished,
		mqtt.OnUnsubscribe, mqtt.OnPacketRead, mqtt.OnPacketProcessed, mqtt.OnPacketEncode,
		mqtt.OnWill, mqtt.OnRetainMessage, mqtt.OnRetainedExpired, mqtt.OnQosPublish, mqtt.OnQosComplete, mqtt.OnQosDropped,
		mqtt.OnPublishDropped, mqtt.OnUnsubscribed, mqtt.OnClientExpired:
		return true
	}
	return false
}

// OnConnectAuthenticate lets nobody but the process itself have its client ids: who takes a
// session over gets its messages. It refuses those of others that are too many, which mochi
// would do only when there is no room for the process itself either.
func (d *door) OnConnectAuthenticate(c *mqtt.Client, p packets.Packet) bool {
	name, password := string(p.Connect.Username), string(p.Connect.Password)
	if d.itself(name, password) {
		connection(c).trust()
		return true
	}
	if d.ours(c) {
		return false
	}
	switch d.check(loginlimit.Network(c.Net.Remote), name, password, d.closed) {
	case wrong:
		return false
	case wait:
		_ = d.refuse(c, packets.ErrConnectionRateExceeded) // what mochi answers comes too late
		return false
	}
	// Some may have come in while the password was checked.
	if atomic.LoadInt64(&d.server.Info.ClientsConnected) >= maxConnections {
		_ = d.refuse(c, packets.ErrServerBusy) // what mochi answers comes too late
		return false
	}
	d.makeRoom(c.ID)
	return true
}

// connection is what the listener made of it.
func connection(c *mqtt.Client) *stranger { return c.Net.Conn.(*stranger) }

// ours reports whether the client id is one of the process itself.
func (d *door) ours(c *mqtt.Client) bool {
	return d.clientID != "" && (c.ID == d.clientID || strings.HasPrefix(c.ID, d.clientID+"-"))
}

// OnSessionEstablish comes before a connection takes over the session of the one before,
// which is told, and is not waited for long.
func (d *door) OnSessionEstablish(c *mqtt.Client, _ packets.Packet) {
	if old, ok := d.server.Clients.Get(c.ID); ok && !old.Net.Inline {
		time.AfterFunc(farewell, func() { _ = hangUp(connection(old).Conn) }) // mostly it is closed by then
	}
	connection(c).take(d.handover, c.ID)
	connection(c).client = c
	d.renew(c)
}

// OnSessionEstablished comes when it has.
func (d *door) OnSessionEstablished(c *mqtt.Client, _ packets.Packet) {
	d.supersede(c.ID)
	d.budget.subscribed(c)
	connection(c).settled.Store(true)
	connection(c).give()
}

// OnSubscribed comes when a subscription was answered.
func (d *door) OnSubscribed(c *mqtt.Client, _ packets.Packet, codes []byte) {
	failed := false
	for i, code := range codes {
		if !c.Net.Inline && connection(c).excess[i] && c.Properties.ProtocolVersion == 5 {
			codes[i] = packets.ErrQuotaExceeded.Code // mochi takes it for a filter that is not valid
		}
		if code >= packets.ErrUnspecifiedError.Code {
			failed = true
			if !c.Net.Inline {
				delete(connection(c).parents, i)
			}
		}
	}
	d.budget.subscribed(c)
	if !failed {
		d.here(c)
	}
}

// OnDisconnect comes when a connection has ended, before its session does.
func (d *door) OnDisconnect(c *mqtt.Client, _ error, _ bool) {
	d.away(c)
	connection(c).take(d.handover, c.ID) // until the listener has it back
}

// OnPublish comes before a message is acknowledged. Those of the process itself are kept
// until they have come back, and those at QoS 0 may be lost: neither is held up.
func (d *door) OnPublish(c *mqtt.Client, p packets.Packet) (packets.Packet, error) {
	if p.FixedHeader.Qos == 0 || c.Net.Inline || d.ours(c) {
		return d.kept(c, p), nil
	}
	if err := d.pass(c); err != nil {
		// It will come again, with the message, which has no acknowledgement. Only its
		// connection is closed: who is stopped has no will any more.
		_ = c.Net.Conn.Close()
		return p, packets.ErrRejectPacket
	}
	return d.kept(c, p), nil
}

// OnPublished comes when a message is with all sessions that it is for.
func (d *door) OnPublished(c *mqtt.Client, _ packets.Packet) { d.passed(c) }

func (d *door) close() { close(d.closed) }

// OnConnect refuses a will that the client may not publish.
//
// It switches the aliases of topics that mochi would send off: mochi keeps a message that waits
// under its alias, which means nothing in the next connection.
//
// It switches the client's Receive Maximum off. With one, mochi asks at each
// packet for a message that waits (Inflight.NextImmediate), and for that takes a read
// lock twice; a message that comes in between stops the client, and everybody who
// publishes to it, for ever. It also drops messages that exceed the maximum. So a
// client is sent what there is, as if it took the protocol's highest.
func (d *door) OnConnect(c *mqtt.Client, _ packets.Packet) error {
	if c.Properties.Will.Flag != 0 && !validTopic(c.Properties.Will.TopicName) {
		return d.refuse(c, packets.ErrTopicNameInvalid)
	}
	c.Properties.Props.TopicAliasMaximum = 0
	c.Properties.Props.ReceiveMaximum = 0
	c.State.Inflight.ResetSendQuota(0)
	return nil
}

// refuse tells a client why it does not come in; before MQTT 5 there is one reason only.
func (d *door) refuse(c *mqtt.Client, reason packets.Code) error {
	if c.Properties.ProtocolVersion < 5 {
		reason = packets.ErrServerUnavailable
	}
	return errors.Join(reason, d.server.SendConnack(c, reason, false, nil))
}

// addInflight counts messages that wait for their acknowledgement.
func addInflight(s *mqtt.Server, n int64) { atomic.AddInt64(&s.Info.Inflight, n) }

// endAll tells the clients that the broker stops. mochi's own way (GetByListener)
// takes a read lock twice too.
func endAll(s *mqtt.Server) {
	for _, c := range s.Clients.GetAll() {
		if !c.Net.Inline && !c.Closed() {
			_ = s.DisconnectClient(c, packets.ErrServerShuttingDown) // gives the reason back as an error
		}
	}
}

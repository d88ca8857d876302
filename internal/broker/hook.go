package broker

import (
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// door lets in who may come in, and works around two defects of mochi 2.7.9.
type door struct {
	mqtt.HookBase
	users
	clientID string        // of the process itself; empty for none
	closed   chan struct{} // when the broker closes
}

func newDoor(hashes map[string]string, clientID string) (*door, error) {
	users, err := newUsers(hashes)
	if err != nil {
		return nil, err
	}
	return &door{users: users, clientID: clientID, closed: make(chan struct{})}, nil
}

func (*door) ID() string { return "door" }

// Provides tells mochi which of the methods to call.
func (*door) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck || b == mqtt.OnConnect
}

// OnConnectAuthenticate lets nobody but the process itself have its client ids: who takes a
// session over gets its messages.
func (d *door) OnConnectAuthenticate(c *mqtt.Client, p packets.Packet) bool {
	name, password := string(p.Connect.Username), string(p.Connect.Password)
	if d.itself(name, password) {
		return true
	}
	if d.clientID != "" && (c.ID == d.clientID || strings.HasPrefix(c.ID, d.clientID+"-")) {
		return false
	}
	return d.knows(name, password, d.closed)
}

func (*door) OnACLCheck(*mqtt.Client, string, bool) bool { return true }

func (d *door) close() { close(d.closed) }

// OnConnect switches the client's Receive Maximum off. With one, mochi asks at each
// packet for a message that waits (Inflight.NextImmediate), and for that takes a read
// lock twice; a message that comes in between stops the client, and everybody who
// publishes to it, for ever. It also drops messages that exceed the maximum. So a
// client is sent what there is, as if it took the protocol's highest.
func (*door) OnConnect(c *mqtt.Client, _ packets.Packet) error {
	c.Properties.Props.ReceiveMaximum = 0
	c.State.Inflight.ResetSendQuota(0)
	return nil
}

// endAll tells the clients that the broker stops. mochi's own way (GetByListener)
// takes a read lock twice too.
func endAll(s *mqtt.Server) {
	for _, c := range s.Clients.GetAll() {
		if !c.Net.Inline && !c.Closed() {
			_ = s.DisconnectClient(c, packets.ErrServerShuttingDown) // gives the reason back as an error
		}
	}
}

package broker

import (
	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// open lets everybody in, and works around two defects of mochi 2.7.9.
type open struct{ mqtt.HookBase }

func (*open) ID() string { return "open" }

// Provides tells mochi which of the methods to call.
func (*open) Provides(b byte) bool {
	return b == mqtt.OnConnectAuthenticate || b == mqtt.OnACLCheck || b == mqtt.OnConnect
}

func (*open) OnConnectAuthenticate(*mqtt.Client, packets.Packet) bool { return true }

func (*open) OnACLCheck(*mqtt.Client, string, bool) bool { return true }

// OnConnect switches the client's Receive Maximum off. With one, mochi asks at each
// packet for a message that waits (Inflight.NextImmediate), and for that takes a read
// lock twice; a message that comes in between stops the client, and everybody who
// publishes to it, for ever. It also drops messages that exceed the maximum. So a
// client is sent what there is, as if it took the protocol's highest.
func (*open) OnConnect(c *mqtt.Client, _ packets.Packet) error {
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

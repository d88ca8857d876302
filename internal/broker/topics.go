package broker

import (
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

const (
	// maxLevels of a topic or a filter. To find one level mochi goes through all those before,
	// and it does so under a lock that everybody wants: with as many as a packet has room for
	// that takes a minute.
	maxLevels = 200
	// maxAliases is how many topic aliases a client may set. Each keeps a topic of up to 64 KiB.
	maxAliases = 16
)

func deep(topic string) bool { return strings.Count(topic, "/") >= maxLevels }

// validTopic reports whether a client may publish to a topic, by a message or by its will: the
// topic has no wildcards, not too many levels, and is not one of the broker's own, $SYS.
func validTopic(topic string) bool {
	return topic != "" && mqtt.IsValidFilter(topic, true) && !deep(topic)
}

// validFilter reports whether a filter is one of MQTT 5.0, sections 4.7.1 and 4.8.2: a
// wildcard takes up a whole level, # is the last one, and a shared subscription has a name.
func validFilter(filter string) bool {
	if deep(filter) {
		return false
	}
	if mqtt.IsSharedFilter(filter) {
		parts := strings.SplitN(filter, "/", 3)
		if len(parts) < 3 || parts[1] == "" || strings.ContainsAny(parts[1], "+#") {
			return false
		}
		filter = parts[2]
	}
	if filter == "" {
		return false
	}
	last := false
	for level := range strings.SplitSeq(filter, "/") {
		if last || len(level) > 1 && strings.ContainsAny(level, "+#") {
			return false
		}
		last = level == "#"
	}
	return true
}

// OnPacketRead ends the connection of a client that publishes to a topic it may not, or by a
// topic alias that it has not set. The topic gets memory of its own: mochi keeps it where a message is
// retained or waits, and the whole packet with it.
func (d *door) OnPacketRead(c *mqtt.Client, p packets.Packet) (packets.Packet, error) {
	switch p.FixedHeader.Type {
	case packets.Publish:
	case packets.Pubrec:
		d.budget.dequeue(c.ID, p.PacketID) // mochi keeps the packet id only
		return p, nil
	default:
		return p, nil
	}
	p.TopicName = strings.Clone(p.TopicName)
	alias := p.Properties.TopicAlias
	switch {
	case p.TopicName == "" && alias > 0 && alias <= maxAliases && c.State.TopicAliases.Inbound.Set(alias, "") == "":
		return p, d.reject(c, packets.ErrProtocolViolation)
	case p.TopicName != "" && !validTopic(p.TopicName):
		return p, d.reject(c, packets.ErrTopicNameInvalid)
	}
	return p, nil
}

// reject ends a connection, with its will, and says why where MQTT 5 can.
func (d *door) reject(c *mqtt.Client, reason packets.Code) error {
	if c.Properties.ProtocolVersion == 5 {
		_ = d.server.DisconnectClient(c, reason) // gives the reason back as an error
	}
	return packets.ErrRejectPacket
}

// OnPacketEncode announces in the CONNACK how many topic aliases there may be, which mochi does
// not, and gives a SUBACK or UNSUBACK the packet id that is its own.
func (*door) OnPacketEncode(c *mqtt.Client, p packets.Packet) packets.Packet {
	switch p.FixedHeader.Type {
	case packets.Connack:
		if p.ReasonCode == packets.CodeSuccess.Code {
			p.Properties.TopicAliasMaximum = maxAliases
		}
	case packets.Suback, packets.Unsuback:
		p.PacketID = connection(c).request
	}
	return p
}

// withoutID hides the packet id of a SUBSCRIBE or UNSUBSCRIBE from mochi, which would reject it
// where a message to the client has the same one. The two have nothing to do with each other
// (MQTT 5.0, section 2.2.1).
func withoutID(c *mqtt.Client, p packets.Packet) packets.Packet {
	if !c.Net.Inline {
		connection(c).request, p.PacketID = p.PacketID, 0
	}
	return p
}

// OnUnsubscribe comes before an UNSUBSCRIBE is handled.
func (*door) OnUnsubscribe(c *mqtt.Client, p packets.Packet) packets.Packet { return withoutID(c, p) }

// OnSubscribe empties the filters that are not valid, so that mochi rejects them.
func (d *door) OnSubscribe(c *mqtt.Client, p packets.Packet) packets.Packet {
	for i, s := range p.Filters {
		if !validFilter(s.Filter) {
			p.Filters[i].Filter = ""
			continue
		}
		p.Filters[i].Filter = strings.Clone(s.Filter) // as above
	}
	if c.Net.Inline {
		return p
	}
	connection(c).excess = nil
	if !d.ours(c) {
		connection(c).excess = d.budget.excess(c, p.Filters)
	}
	for i := range connection(c).excess {
		p.Filters[i].Filter = ""
		d.budget.apply(limitSubscriptions, c.ID)
	}
	connection(c).parents = parents(c, p.Filters)
	return withoutID(c, p)
}

// parents are the subscriptions to the levels above filters that end in /#, which match them too
// (MQTT 5.0, section 4.7.1.2), by the place of the filter. mochi sends them new messages, but
// not the retained ones.
func parents(c *mqtt.Client, filters packets.Subscriptions) map[int]packets.Subscription {
	var found map[int]packets.Subscription
	for i, s := range filters {
		parent, below := strings.CutSuffix(s.Filter, "/#")
		_, exists := c.State.Subscriptions.Get(s.Filter)
		if !below || mqtt.IsSharedFilter(s.Filter) || s.RetainHandling == 2 || s.RetainHandling == 1 && exists {
			continue
		}
		if found == nil {
			found = make(map[int]packets.Subscription)
		}
		s.Filter = parent
		found[i] = s
	}
	return found
}

// OnPacketProcessed comes when a subscription was answered and its retained messages are on their way.
func (d *door) OnPacketProcessed(c *mqtt.Client, p packets.Packet, err error) {
	if c.Net.Inline || p.FixedHeader.Type != packets.Subscribe {
		return
	}
	found := connection(c).parents
	connection(c).parents = nil
	if err != nil {
		return
	}
	for _, s := range found {
		for _, message := range d.server.Topics.Messages(s.Filter) {
			if strings.HasPrefix(message.TopicName, "$") && strings.HasPrefix(s.Filter, "+") {
				continue // MQTT 5.0, section 4.7.2
			}
			if d.sendRetained(c, s, message) != nil {
				return // the connection has ended
			}
		}
	}
}

// sendRetained sends a retained message to a client that has subscribed, as mochi does.
func (d *door) sendRetained(c *mqtt.Client, s packets.Subscription, message packets.Packet) error {
	out := message.Copy(false)
	out.FixedHeader.Retain = true
	out.FixedHeader.Qos = min(out.FixedHeader.Qos, s.Qos)
	if s.Identifier > 0 {
		out.Properties.SubscriptionIdentifier = []int{s.Identifier}
	}
	if out.FixedHeader.Qos > 0 {
		id, err := c.NextPacketID()
		if err != nil {
			return err
		}
		out.PacketID = uint16(id) //nolint:gosec // as MQTT has it
		if c.State.Inflight.Set(out) {
			addInflight(d.server, 1)
			d.OnQosPublish(c, out, out.Created, 0)
		}
	}
	return c.WritePacket(out)
}

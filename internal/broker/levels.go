package broker

import (
	"strings"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// maxLevels of a topic or a filter. To find one level mochi goes through all those before,
// and it does so under a lock that everybody wants: with as many as a packet has room for
// that takes a minute.
const maxLevels = 200

func deep(topic string) bool { return strings.Count(topic, "/") >= maxLevels }

// OnSubscribe spoils the filters that are too deep, so that mochi refuses them.
func (*door) OnSubscribe(_ *mqtt.Client, p packets.Packet) packets.Packet {
	for i, s := range p.Filters {
		if deep(s.Filter) {
			p.Filters[i].Filter = ""
		}
	}
	return p
}

package mqttio

import (
	"strings"

	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

// slashed is a topic as RabbitMQ delivers it: with slashes in place of dots.
func slashed(topic string) string { return strings.ReplaceAll(topic, ".", "/") }

// ownLevels is how many levels follow Config.Topic in the topic of a snapshot.
const ownLevels = 2

// publishedTopic returns the topic that a snapshot of ours was published to, where the broker has
// delivered it with slashes in place of dots; ok is false for any other message. It reads the
// payload only of messages whose topic may be such a one.
func (c Config) publishedTopic(m document.Message) (topic string, ok bool) {
	prefix := slashed(c.Topic)
	rest, found := strings.CutPrefix(m.Topic, prefix)
	if c.Topic == "" || !found || prefix == c.Topic && strings.Count(rest, "/") <= ownLevels {
		return "", false
	}
	snapshot, err := hub.Parse(m.Payload)
	if err != nil {
		return "", false
	}
	topic = c.SnapshotTopic(snapshot.Repository)
	return topic, topic != m.Topic && slashed(topic) == m.Topic
}

// dotsRemedy says what does not work with a broker that replaces dots, and what to do.
func (c Config) dotsRemedy() string {
	const documents = "snapshots are stored correctly, but routes of documents miss topics with a dot or set wrong {level} fields"
	if c.HomeAssistant.Discovery {
		return documents + ", and Home Assistant shows no values of repositories with a dot: use another broker for these"
	}
	return documents + ": use another broker for these"
}

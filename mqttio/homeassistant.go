package mqttio

import (
	"strings"

	"pulltrail/internal/hub"
	"pulltrail/internal/problem"
	"pulltrail/internal/topic"
)

// The topic of what is computed of a repository is below pulltrail/<client id>, where a
// client id has one level.
const (
	ownLevel     = "pulltrail/"
	derivedLevel = "/repositories"
)

// StatusTopicOf is the status topic of the process with this client id; empty for none.
func (c Config) StatusTopicOf(clientID string) string { return newStatus(c, clientID).topic }

// DerivedTopic is where a process publishes what it has computed of r, which is nothing
// that Docker Hub says and so has no place in a snapshot.
func (c Config) DerivedTopic(clientID string, r hub.Repository) string {
	return ownLevel + clientID + derivedLevel + "/" + r.String()
}

// derivedTopics takes those topics of every process.
const derivedTopics = ownLevel + "+" + derivedLevel + "/#"

// IsDerived reports whether a topic is one of those, of this process or of one like it.
func (c Config) IsDerived(name string) bool { return topic.Match(derivedTopics, name) }

func (c Config) validateHomeAssistant(list *problem.List) {
	h := c.HomeAssistant
	if err := topic.CheckName(h.Prefix); err != nil {
		list.Add("home_assistant.prefix", h.Prefix, "%v; write Home Assistant's own discovery prefix, which is homeassistant unless it was changed there", err)
	} else if strings.HasSuffix(h.Prefix, "/") {
		list.Add("home_assistant.prefix", h.Prefix, "ends with a slash: remove it, it is added")
	}
	if !h.Discovery {
		return
	}
	if !c.TopicPerRepository {
		list.Add("home_assistant.discovery", true, "needs a topic for each repository, or sensors could not tell them apart: set mqtt.topic_per_repository to true, or this to false")
	}
	for _, filter := range []string{h.Prefix + "/sensor/#", derivedTopics} {
		if topic.Overlap(c.OwnFilter(), filter) {
			list.Add("home_assistant.discovery", true, "has topics, %s, that are among those of snapshots, %s: write another mqtt.topic", filter, c.OwnFilter())
		}
	}
}

package homeassistant

import (
	"encoding/json"
	"time"

	"pulltrail/internal/hub"
)

// Message is one that the broker is to keep.
type Message struct {
	Topic   string
	Payload []byte
}

// Settings are what all messages have in common.
type Settings struct {
	// Prefix is Home Assistant's discovery prefix.
	Prefix string
	// SnapshotTopic is where the snapshots of a repository are, DerivedTopic where its
	// pulls of a day are to be.
	SnapshotTopic, DerivedTopic func(hub.Repository) string
	// StatusTopic is where the process says online or offline; empty for nowhere.
	StatusTopic string
	// Version is that of Pulltrail.
	Version string
}

// Repository is what is known of one.
type Repository struct {
	hub.Repository
	// Timestamp is that of the newest snapshot.
	Timestamp time.Time
	// Day and Week are the pulls of the 24 hours and 7 days before; nil for unknown.
	Day, Week *int64
}

// derived is the payload at the derived topic.
type derived struct {
	Day       *int64    `json:"pulls_24h"`
	Week      *int64    `json:"pulls_7d"`
	Timestamp time.Time `json:"timestamp"`
}

// config is the payload that has a sensor appear. Its members are Home Assistant's.
type config struct {
	Name              string `json:"name"`
	UniqueID          string `json:"unique_id"`
	StateTopic        string `json:"state_topic"`
	ValueTemplate     string `json:"value_template"`
	Unit              string `json:"unit_of_measurement"`
	StateClass        string `json:"state_class"`
	Icon              string `json:"icon"`
	AttributesTopic   string `json:"json_attributes_topic,omitempty"`
	AvailabilityTopic string `json:"availability_topic,omitempty"`
	Device            device `json:"device"`
	Origin            origin `json:"origin"`
}

type device struct {
	Identifiers      []string `json:"identifiers"`
	Name             string   `json:"name"`
	Manufacturer     string   `json:"manufacturer"`
	Model            string   `json:"model"`
	ConfigurationURL string   `json:"configuration_url"`
}

type origin struct {
	Name    string `json:"name"`
	Version string `json:"sw_version"`
}

// sensor is one of the three, without what depends on the repository.
type sensor struct {
	id         string
	config     config
	derived    bool // its value is at the derived topic
	attributes bool // the rest of the payload is worth showing
}

// sensors of each repository. A total that falls, as Docker Hub's sometimes does, is no
// meter that begins anew: that is the state class total, not total_increasing. A missing
// number of stars is unknown, not an error in a template.
var sensors = [...]sensor{
	{id: "pulls", attributes: true, config: config{
		Name: "Pulls", ValueTemplate: "{{ value_json.pull_count }}", Unit: "pulls", StateClass: "total", Icon: "mdi:docker",
	}},
	{id: "pulls_24h", derived: true, attributes: true, config: config{
		Name: "Pulls a day", ValueTemplate: "{{ value_json.pulls_24h }}", Unit: "pulls/d", StateClass: "measurement", Icon: "mdi:chart-line",
	}},
	{id: "stars", config: config{
		Name: "Stars", ValueTemplate: "{{ value_json.star_count | default(none) }}", Unit: "stars", StateClass: "measurement", Icon: "mdi:star",
	}},
}

// Messages are those of one repository: its pulls of a day, and its sensors.
func (s Settings) Messages(r Repository) []Message {
	messages := []Message{{
		Topic:   s.DerivedTopic(r.Repository),
		Payload: encode(derived{Day: r.Day, Week: r.Week, Timestamp: r.Timestamp.UTC()}),
	}}
	node := s.node(r.Repository)
	for _, of := range sensors {
		c := of.config
		c.UniqueID = node + "_" + of.id
		c.StateTopic = s.SnapshotTopic(r.Repository)
		if of.derived {
			c.StateTopic = s.DerivedTopic(r.Repository)
		}
		if of.attributes {
			c.AttributesTopic = c.StateTopic
		}
		c.AvailabilityTopic = s.StatusTopic
		c.Device = device{
			Identifiers: []string{node}, Name: r.String(), Manufacturer: "Docker Hub", Model: "Repository",
			ConfigurationURL: r.URL(),
		}
		c.Origin = origin{Name: "Pulltrail", Version: s.Version}
		messages = append(messages, Message{Topic: s.configTopic(node, of.id), Payload: encode(c)})
	}
	return messages
}

func encode(v any) []byte {
	payload, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts, numbers and times have no other form than JSON
	}
	return payload
}

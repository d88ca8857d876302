package mqttio

import (
	"time"

	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
)

// Config is the section "mqtt" of the configuration.
type Config struct {
	// URL is the broker: mqtt://host:1883, mqtts://host:8883, ws://host/mqtt or
	// wss://host/mqtt. Empty: the embedded broker.
	URL string `koanf:"url"`
	// Version is that of the protocol: VersionAuto, Version5 or Version311.
	Version string `koanf:"version"`
	// ClientID names this process to the broker, which keeps its session by it.
	// Empty: one is made for the data directory.
	ClientID     string        `koanf:"client_id"`
	Username     string        `koanf:"username"`
	Password     secret.String `koanf:"password"`
	PasswordFile string        `koanf:"password_file"`
	// Topic is what snapshots are published to; with TopicPerRepository
	// "/namespace/name" follows. Empty: there are no snapshots of our own.
	Topic              string `koanf:"topic"`
	TopicPerRepository bool   `koanf:"topic_per_repository"`
	// Retain lets the broker keep the newest snapshot for new subscribers.
	Retain bool `koanf:"retain"`
	// StatusTopic is what this process publishes to whether it is there; ClientIDMark in it
	// stands for the client id. Empty: it does not.
	StatusTopic string `koanf:"status_topic"`
	// MaxPayload is the largest message that is stored, in bytes; a larger one
	// becomes a dead letter.
	MaxPayload int64 `koanf:"max_payload"`
	// SessionExpiry is how long the broker keeps messages for this process while
	// it is away. MQTT 3.1.1 cannot say it.
	SessionExpiry time.Duration  `koanf:"session_expiry"`
	TLS           tlsconf.Config `koanf:"tls"`
	Embedded      EmbeddedConfig `koanf:"embedded"`
	// HomeAssistant is told of every repository where Discovery says so.
	HomeAssistant HomeAssistantConfig `koanf:"home_assistant"`
}

// HomeAssistantConfig is what Home Assistant, which is subscribed to the broker, is told.
type HomeAssistantConfig struct {
	// Discovery has every repository appear there, as a device with sensors.
	Discovery bool `koanf:"discovery"`
	// Prefix is where Home Assistant looks for them: its own discovery prefix.
	Prefix string `koanf:"prefix"`
}

// EmbeddedConfig is the broker inside this process, used when URL is empty.
type EmbeddedConfig struct {
	// Listen is host:port for other programs to connect to, and for this one. Empty: DefaultListen,
	// or a free port where that one is in use.
	Listen string `koanf:"listen"`
	// ListenTLS is where their connections are encrypted; empty for nowhere.
	ListenTLS string            `koanf:"listen_tls"`
	TLS       CertificateConfig `koanf:"tls"`
	// UsersFile names those who may connect, together with Users; when there are none,
	// everybody may.
	UsersFile string `koanf:"users_file"`
	Users     []User `koanf:"users"`
}

// CertificateConfig is the certificate of the embedded broker, in PEM.
type CertificateConfig struct {
	CertFile string `koanf:"cert_file"`
	KeyFile  string `koanf:"key_file"`
}

// User is one who may connect to the embedded broker.
type User struct {
	Username string `koanf:"username"`
	// PasswordHash is what passhash.Make makes of the password, or a hash of bcrypt.
	PasswordHash secret.String `koanf:"password_hash"`
}

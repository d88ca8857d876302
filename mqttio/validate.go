package mqttio

import (
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"pulltrail/internal/hub"
	"pulltrail/internal/problem"
	"pulltrail/internal/tlsconf"
	"pulltrail/internal/topic"
)

// The bounds of what may be configured.
const (
	minMaxPayload = 1 << 10 // bytes
	// maxMaxPayload is the longest packet that MQTT can carry, in bytes.
	maxMaxPayload = 256 << 20
	// minSessionExpiry is below what a restart takes, so that no message is lost to one.
	minSessionExpiry = time.Minute
	// maxSessionExpiry is what the protocol can say: 32 bits of seconds, less the
	// value that means "for ever".
	maxSessionExpiry = (1<<32 - 2) * time.Second
	// maxClientID leaves room for what tells the sessions of one process apart.
	maxClientID = 65535 - len(publisherSuffix)
)

// The ports of MQTT, where a URL has none.
const (
	plainPort = "1883"
	tlsPort   = "8883"
)

// webSocketPath is where brokers take WebSockets, where a URL says nothing else.
const webSocketPath = "/mqtt"

// DefaultConfig runs the embedded broker and keeps each repository's newest
// snapshot as a retained message.
func DefaultConfig() Config {
	return Config{
		Version:            VersionAuto,
		Topic:              "com/docker/hub/repositories/metrics",
		StatusTopic:        "pulltrail/" + ClientIDMark + "/status",
		TopicPerRepository: true,
		Retain:             true,
		MaxPayload:         16 << 20,
		SessionExpiry:      7 * 24 * time.Hour,
		HomeAssistant:      HomeAssistantConfig{Prefix: "homeassistant"},
	}
}

// SnapshotTopic is the topic that snapshots of r are published to.
func (c Config) SnapshotTopic(r hub.Repository) string {
	if !c.TopicPerRepository {
		return c.Topic
	}
	return c.Topic + "/" + r.String()
}

// OwnFilter is the topic filter that takes every snapshot of ours, and the topic
// itself; empty where there are none.
func (c Config) OwnFilter() string {
	if c.Topic == "" {
		return ""
	}
	return c.Topic + "/#"
}

// Validate lists every mistake, with keys relative to this section. That only one
// of Password and PasswordFile is set is for whoever reads the file.
func (c Config) Validate() problem.List {
	var list problem.List
	c.validateURL(&list)
	c.validateVersion(&list)
	if c.Topic == "" { // whether that may be, the other sections decide
	} else if err := topic.CheckName(c.Topic); err != nil {
		list.Add("topic", c.Topic, "%v; write one such as com/docker/hub/repositories/metrics", err)
	} else if strings.HasSuffix(c.Topic, "/") && c.TopicPerRepository {
		list.Add("topic", c.Topic, "ends with a slash: remove it, it is added before the repository")
	}
	c.validateStatusTopic(&list)
	c.validateHomeAssistant(&list)
	if message := checkClientID(c.ClientID); message != "" {
		list.Add("client_id", nil, "%s", message)
	}
	if c.MaxPayload < minMaxPayload || c.MaxPayload > maxMaxPayload {
		list.Add("max_payload", c.MaxPayload, "must be from %d (1 KiB) to %d (256 MiB) bytes", minMaxPayload, maxMaxPayload)
	}
	if c.SessionExpiry < minSessionExpiry || c.SessionExpiry > maxSessionExpiry {
		list.Add("session_expiry", c.SessionExpiry, "must be at least %v, such as 168h, and at most %v", minSessionExpiry, maxSessionExpiry)
	}
	if c.URL == "" {
		list.AddUnder("embedded", c.Embedded.validate())
	}
	return list
}

func (c Config) validateVersion(list *problem.List) {
	switch c.Version {
	case VersionAuto, Version5:
	case Version311:
		if c.Username == "" && (c.Password.IsSet() || c.PasswordFile != "") {
			list.Add("username", "", "MQTT 3.1.1 has no password without a user: write mqtt.username")
		}
	default:
		list.Add("version", c.Version, "must be %s, %s or %s", VersionAuto, Version5, Version311)
	}
}

func (c Config) validateStatusTopic(list *problem.List) {
	if c.StatusTopic == "" {
		return
	}
	// Any id will do, and shows a mark that is not a level of its own, or not closed.
	name := strings.ReplaceAll("/"+c.StatusTopic+"/", "/"+ClientIDMark+"/", "/id/")
	name = strings.TrimSuffix(strings.TrimPrefix(name, "/"), "/")
	err := topic.CheckName(name)
	switch {
	case err != nil:
		list.Add("status_topic", c.StatusTopic, "%v; write one such as pulltrail/%s/status, or nothing", err, ClientIDMark)
	case strings.ContainsAny(name, "{}"):
		list.Add("status_topic", c.StatusTopic, "has braces that are not %s between slashes; write one such as pulltrail/%s/status, or nothing", ClientIDMark, ClientIDMark)
	case topic.Overlap(c.OwnFilter(), newStatus(c, c.ClientID).every):
		list.Add("status_topic", c.StatusTopic, "is among the topics of snapshots, %s: write one elsewhere, such as pulltrail/%s/status, or nothing", c.OwnFilter(), ClientIDMark)
	}
}

func (c Config) validateURL(list *problem.List) {
	secure := false
	switch u, err := parseBroker(c.URL); {
	case c.URL == "":
	case err != nil && strings.Contains(c.URL, "@"): // it may hold a password, so it is not printed
		list.Add("url", nil, "%v", err)
		return
	case err != nil:
		list.Add("url", c.URL, "%v", err)
		return
	default:
		secure = isTLS(u)
	}
	switch {
	case secure:
		list.AddUnder("tls", c.TLS.Validate())
	case c.TLS == tlsconf.Config{}:
	case c.URL == "":
		list.Add("tls", nil, "is for another broker, and none is named: write mqtt.url with mqtts:// or wss://, or remove the section tls")
	default:
		list.Add("tls", nil, "has no effect on %s, which is not encrypted: write mqtts:// or wss:// in mqtt.url, or remove the section tls", c.URL)
	}
	if c.URL == "" && (c.Username != "" || c.Password.IsSet() || c.PasswordFile != "") {
		list.Add("username", nil, "is for another broker, and none is named: write mqtt.url, or remove username and password; the embedded broker's own users stand in mqtt.embedded.users")
	}
}

// parseBroker reads the URL of a broker and adds the port where there is none.
// The error names the remedy and quotes nothing of what may be a password.
func parseBroker(address string) (*url.URL, error) {
	const example = "write mqtt://host:1883 or mqtts://host:8883, or for a WebSocket ws://host/mqtt or wss://host/mqtt"
	if strings.Contains(address, "@") {
		return nil, fmt.Errorf("holds a user or password: write them in mqtt.username and mqtt.password, and here only scheme, host and port")
	}
	u, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("is not a URL: %s", example)
	}
	u.Scheme = strings.ToLower(u.Scheme)
	switch u.Scheme {
	case "mqtt", "tcp", "mqtts", "ssl", "tls", "ws", "wss":
	default:
		return nil, fmt.Errorf("does not begin with mqtt://, mqtts://, ws:// or wss://: %s", example)
	}
	switch {
	case u.Hostname() == "":
		return nil, fmt.Errorf("has no host: %s", example)
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || !isWebSocket(u) && strings.Trim(u.Path, "/") != "":
		return nil, fmt.Errorf("has more than scheme, host and port: %s", example)
	}
	port := u.Port()
	if port == "" {
		port = defaultPort(u)
	} else if !validPort(port, 1) {
		return nil, fmt.Errorf("has the port %s, ports are 1 to 65535: %s", port, example)
	}
	broker := &url.URL{Scheme: u.Scheme, Host: net.JoinHostPort(u.Hostname(), port)}
	if isWebSocket(u) {
		broker.Path, broker.RawPath = u.Path, u.RawPath
		if broker.Path == "" {
			broker.Path = webSocketPath
		}
	}
	return broker, nil
}

func defaultPort(u *url.URL) string {
	switch {
	case u.Scheme == "ws":
		return "80"
	case u.Scheme == "wss":
		return "443"
	case isTLS(u):
		return tlsPort
	}
	return plainPort
}

func isWebSocket(u *url.URL) bool { return u.Scheme == "ws" || u.Scheme == "wss" }

// isTLS reports whether a URL that parseBroker has read asks for encryption.
func isTLS(u *url.URL) bool { return u.Scheme != "mqtt" && u.Scheme != "tcp" && u.Scheme != "ws" }

func validPort(port string, least uint64) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && n >= least
}

// checkClientID says what is wrong with id; empty if nothing. No id is fine: one
// is made.
func checkClientID(id string) string {
	switch {
	case len(id) > maxClientID:
		return fmt.Sprintf("has %d bytes: write at most %d; every broker takes 23 letters and digits", len(id), maxClientID)
	case !utf8.ValidString(id):
		return "is not valid UTF-8: write letters and digits"
	}
	for _, r := range id {
		if !unicode.IsGraphic(r) || unicode.IsSpace(r) || strings.ContainsRune("/+#", r) {
			return fmt.Sprintf("holds the character %q: write letters, digits, '-', '_' and '.'", r)
		}
	}
	return ""
}

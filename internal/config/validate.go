package config

import (
	"net"
	"path/filepath"
	"slices"
	"strings"

	"pulltrail/internal/datadir"
	"pulltrail/internal/problem"
	"pulltrail/scheduler"
)

// maxSocket is the longest path of a Unix socket that every system takes, with
// some room: 104 bytes on BSD and macOS, 108 on Linux, a final NUL included.
const maxSocket = 100

// Validate finds every mistake in the sections and between them. Keys are complete
// paths; no value is a secret.
func (c Config) Validate() problem.List {
	var list problem.List
	if c.Version < 1 {
		list.Add("version", c.Version, "is no version: the first is 1")
	}
	c.validateMode(&list)
	c.validateDataDir(&list)
	c.Log.validate(&list)
	list.AddUnder("collector", c.Collector.Validate())
	c.validateSchedule(&list)
	list.AddUnder("mqtt", c.MQTT.Validate())
	list.AddUnder("indexer", c.Indexer.Validate())
	if c.MQTT.Topic != "" {
		list.AddUnder("indexer", c.Indexer.ValidateOwn(c.MQTT.OwnFilter()))
	}
	list.AddUnder("web", c.Web.Validate())
	c.validateListeners(&list)
	return list
}

func (c Config) validateMode(list *problem.List) {
	switch c.Mode {
	case ModeBoth:
	case ModeCollector, ModeIndexer:
		if c.MQTT.URL == "" {
			list.Add("mode", c.Mode, "needs a broker where both halves meet: name it in mqtt.url, or write mode: both")
		}
	default:
		list.Add("mode", c.Mode, "must be both, collector or indexer")
	}
	if c.MQTT.Topic != "" {
		return
	}
	switch {
	case c.Collects():
		list.Add("mqtt.topic", "", "must name the topic to publish to, such as com/docker/hub/repositories/metrics; only mode: indexer can do without")
	case len(c.Indexer.Routes) == 0:
		list.Add("mqtt.topic", "", "names no snapshots to receive, and indexer.routes is empty: write one of the two")
	}
}

func (c Config) validateDataDir(list *problem.List) {
	if strings.TrimSpace(c.DataDir) == "" {
		list.Add("data_dir", c.DataDir, "must name the directory to keep everything in, such as data")
		return
	}
	socket, err := filepath.Abs(datadir.ControlSocket(c.DataDir))
	if err != nil {
		list.Add("data_dir", c.DataDir, "%v: write an absolute path", err)
		return
	}
	if len(socket) > maxSocket {
		list.Add("data_dir", c.DataDir, "makes %s, %d bytes too long for a socket: name a directory with a shorter path", socket, len(socket)-maxSocket)
	}
}

func (l Log) validate(list *problem.List) {
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, l.Level) {
		list.Add("log.level", l.Level, "must be debug, info, warn or error")
	}
	if l.Format != "text" && l.Format != "json" {
		list.Add("log.format", l.Format, "must be text or json")
	}
}

// validateSchedule leaves the values to the scheduler's messages, which quote them.
func (c Config) validateSchedule(list *problem.List) {
	zone := c.Collector.Timezone
	if _, err := scheduler.ParseSchedule("@daily", zone); err != nil {
		list.Add("collector.timezone", nil, "%v", err)
		zone = "UTC" // to check the schedule all the same
	}
	if _, err := scheduler.ParseSchedule(c.Collector.Schedule, zone); err != nil {
		list.Add("collector.schedule", nil, "%v", err)
	}
}

// validateListeners finds an address that two parts of this process would want.
func (c Config) validateListeners(list *problem.List) {
	if c.MQTT.URL != "" {
		return
	}
	embedded := c.MQTT.Embedded
	embedded.Listen, _ = embedded.Address()
	if collide(c.Web.Listen, embedded.Listen) {
		list.Add("web.listen", c.Web.Listen, "is taken by mqtt.embedded.listen (%s): give one of them another port", embedded.Listen)
	}
	if collide(c.Web.Listen, embedded.ListenTLS) {
		list.Add("web.listen", c.Web.Listen, "is taken by mqtt.embedded.listen_tls (%s): give one of them another port", embedded.ListenTLS)
	}
	if collide(embedded.Listen, embedded.ListenTLS) {
		list.Add("mqtt.embedded.listen_tls", embedded.ListenTLS, "is taken by mqtt.embedded.listen (%s): give one of them another port", embedded.Listen)
	}
}

// collide reports whether two addresses cannot both be listened on.
func collide(a, b string) bool {
	hostA, portA, errA := net.SplitHostPort(a)
	hostB, portB, errB := net.SplitHostPort(b)
	if errA != nil || errB != nil || portA != portB || portA == "0" {
		return false
	}
	return hostA == hostB || everyAddress(hostA) || everyAddress(hostB)
}

func everyAddress(host string) bool {
	ip := net.ParseIP(host)
	return host == "" || ip != nil && ip.IsUnspecified()
}

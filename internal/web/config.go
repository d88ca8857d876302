// Package web holds what its parts share: their section of the configuration.
package web

import (
	"net"
	"strconv"

	"pulltrail/internal/problem"
)

// Config is the section "web" of the configuration.
type Config struct {
	// Listen is host:port of page, API, health and metrics. An empty host is every
	// address of the machine; port 0 lets the system choose one.
	Listen string `koanf:"listen"`
}

// DefaultConfig is reachable from this machine only, because the page asks nobody
// who they are.
func DefaultConfig() Config {
	return Config{Listen: "127.0.0.1:8080"}
}

// Validate lists the mistakes, with keys relative to this section.
func (c Config) Validate() problem.List {
	var list problem.List
	_, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		list.Add("listen", c.Listen, "must be host:port, such as 127.0.0.1:8080, or :8080 for every address of this machine")
		return list
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		list.Add("listen", c.Listen, "must end with a port from 0 to 65535, such as 127.0.0.1:8080")
	}
	return list
}

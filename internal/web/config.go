// Package web holds what its parts share: their section of the configuration.
package web

// Config is the section "web" of the configuration.
type Config struct {
	// Listen is host:port of page, API, health and metrics.
	Listen string `koanf:"listen"`
}

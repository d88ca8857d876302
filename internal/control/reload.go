package control

import (
	"context"
	"net/http"
)

// Reload is what becomes of a configuration that is read anew while the daemon runs.
type Reload struct {
	// Number rises with each; 0 where there was none yet.
	Number int `json:"number"`
	// Changed are the keys that differ from what was in force before.
	Changed []string `json:"changed,omitempty"`
	// Done says that it is in force, or refused where there is an Error.
	Done  bool   `json:"done"`
	Error string `json:"error,omitempty"`
}

// Reloader is what the daemon lets commands do about its configuration.
type Reloader interface {
	// Reload has the configuration read. What is accepted is applied afterwards: everything
	// but what is durable starts anew, this daemon's socket as well, and Reloaded says then
	// what became of it.
	Reload(ctx context.Context) (Reload, error)
	// Reloaded is the newest reload.
	Reloaded(ctx context.Context) (Reload, error)
}

// Reload lets the daemon read its configuration.
func (c *Client) Reload(ctx context.Context) (reload Reload, err error) {
	err = c.ask(ctx, http.MethodPost, "/reload", nil, &reload)
	return reload, err
}

// Reloaded lets the daemon say what became of it.
func (c *Client) Reloaded(ctx context.Context) (reload Reload, err error) {
	err = c.ask(ctx, http.MethodGet, "/reload", nil, &reload)
	return reload, err
}

package ops

import (
	"context"
	"log/slog"
)

// Probes asks checks for others than /-/ready, in the same way and within the same
// bounds. Each part is asked once at a time, besides what /-/ready asks.
type Probes struct{ probes []*probe }

// Asked is a part and how it is doing.
type Asked struct {
	Name     string
	Optional bool
	State
}

// NewProbes makes probes of checks; log is told of those that panic.
func NewProbes(checks []Check, log *slog.Logger) *Probes {
	p := &Probes{}
	for _, c := range checks {
		p.probes = append(p.probes, &probe{check: c, log: log})
	}
	return p
}

// States asks all parts at the same time and returns their states in order.
func (p *Probes) States(ctx context.Context) []Asked {
	states := make([]Asked, len(p.probes))
	for i, s := range askAll(ctx, p.probes) {
		states[i] = Asked{Name: p.probes[i].check.Name, Optional: p.probes[i].check.Optional, State: s}
	}
	return states
}

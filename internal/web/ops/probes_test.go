package ops

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestProbesAskAllPartsInTheirOrder(t *testing.T) {
	since := time.Date(2026, 11, 23, 1, 0, 0, 0, time.UTC)
	answer := func(s State) func(context.Context) State { return func(context.Context) State { return s } }
	probes := NewProbes([]Check{
		{Name: "history", Probe: answer(State{OK: true, Since: since})},
		{Name: "index", Optional: true, Probe: answer(State{Detail: "behind"})},
		{Name: "broken", Probe: func(context.Context) State { panic("a mistake") }},
	}, slog.New(slog.DiscardHandler))
	want := []Asked{
		{"history", false, State{OK: true, Since: since}},
		{"index", true, State{Detail: "behind"}},
		{"broken", false, State{Detail: "the check itself failed; the log says why"}},
	}
	for range 2 {
		if diff := cmp.Diff(want, probes.States(t.Context())); diff != "" {
			t.Error(diff)
		}
	}
}

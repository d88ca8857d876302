package broker

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

func TestTheLogOfMochiIsQuiet(t *testing.T) {
	log := func(level slog.Level, write func(*slog.Logger)) string {
		var out bytes.Buffer
		write(slog.New(newQuiet(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))))
		return out.String()
	}
	client := func(l *slog.Logger) {
		l.Info("added hook")
		l.With("listener", "tcp").Warn("error processing packet", "error", "EOF", "client", "x", "pk", "payload")
	}
	if got := log(slog.LevelInfo, client); got != "" {
		t.Errorf("what clients do is logged: %s", got)
	}
	got := log(slog.LevelDebug, client)
	if !strings.Contains(got, "level=DEBUG") || !strings.Contains(got, "err=EOF") || strings.Contains(got, "payload") {
		t.Errorf("when debugging, what clients do is logged without payloads: %s", got)
	}
	got = log(slog.LevelInfo, func(l *slog.Logger) {
		for range 100 {
			l.Warn("client store quota reached", "client", "slow")
		}
	})
	if strings.Count(got, "drops messages") != 1 || !strings.Contains(got, "client=slow") {
		t.Errorf("dropped messages are logged once: %s", got)
	}
}

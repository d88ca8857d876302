package cli

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/config"
)

func TestDurationsInTheLogHaveAUnit(t *testing.T) {
	var out bytes.Buffer
	cfg := config.Default()
	write := func(format string) string {
		cfg.Log.Format = format
		out.Reset()
		logger(&Process{Stderr: &out}, cfg).With("waited", time.Minute).WithGroup("g").Info("done", "duration", 1500*time.Millisecond, "n", 3)
		return out.String()
	}
	if line := write("text"); !strings.Contains(line, "waited=1m0s g.duration=1.5s g.n=3") {
		t.Errorf("text: %s", line)
	}
	var line struct {
		Waited float64 `json:"waited_seconds"`
		G      map[string]float64
	}
	text := write("json")
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatal(err)
	}
	if line.Waited != 60 || line.G["duration_seconds"] != 1.5 || line.G["n"] != 3 || strings.Contains(text, `"duration"`) {
		t.Errorf("JSON: %s", text)
	}
}

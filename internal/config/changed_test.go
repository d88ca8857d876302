package config

import (
	"slices"
	"testing"

	"pulltrail/indexer"
	"pulltrail/internal/secret"
)

func TestWhatHasChanged(t *testing.T) {
	tests := []struct {
		name           string
		change         func(*Config)
		changed, fixed []string
	}{
		{name: "nothing", change: func(*Config) {}},
		{name: "words", change: func(c *Config) { c.Collector.Repositories = []string{"a/b"} }, changed: []string{"collector.repositories"}},
		{name: "a secret", change: func(c *Config) { c.MQTT.Password = secret.New("x") }, changed: []string{"mqtt.password"}},
		{name: "a list", change: func(c *Config) { c.Indexer.Routes = []indexer.Route{{Topic: "a"}} }, changed: []string{"indexer.routes"}},
		{
			name: "what is read at the start", changed: []string{"data_dir", "log.level", "log.format", "mqtt.client_id", "web.listen"},
			fixed: []string{"data_dir", "log.format", "mqtt.client_id", "web.listen"},
			change: func(c *Config) {
				c.DataDir, c.Log.Level, c.Log.Format, c.MQTT.ClientID, c.Web.Listen = "a", "b", "c", "d", "e"
			},
		},
		{
			name: "the broker inside", changed: []string{"mqtt.embedded.listen"}, fixed: []string{"mqtt.embedded.listen"},
			change: func(c *Config) { c.MQTT.Embedded.Listen = "127.0.0.1:1" },
		},
		{
			name: "the broker inside for another", changed: []string{"mqtt.url"}, fixed: []string{"mqtt.url"},
			change: func(c *Config) { c.MQTT.URL = "mqtt://localhost" },
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before, after := Default(), Default()
			test.change(&after)
			if got := Changed(before, after); !slices.Equal(got, test.changed) {
				t.Errorf("changed: %v", got)
			}
			if got := FixedBetween(before, after); !slices.Equal(got, test.fixed) {
				t.Errorf("fixed: %v", got)
			}
		})
	}
	t.Run("one broker for another, and one inside that nobody uses", func(t *testing.T) {
		before, after := Default(), Default()
		before.MQTT.URL, after.MQTT.URL, after.MQTT.Embedded.Listen = "mqtt://a", "mqtt://b", "127.0.0.1:1"
		if got := FixedBetween(before, after); len(got) > 0 {
			t.Errorf("fixed: %v", got)
		}
	})
}

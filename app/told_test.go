package app

import (
	"testing"

	"pulltrail/mqttio"
)

func TestWhatHomeAssistantIsToldIsNothingToBeStored(t *testing.T) {
	told := toldHomeAssistant(mqttio.DefaultConfig())
	for topic, want := range map[string]bool{
		"homeassistant/sensor/pulltrail_a_b_0123456789abcdef/pulls/config": true,
		"pulltrail/me/repositories/a/b":                                    true,
		"pulltrail/another/repositories/a/b":                               true,
		"homeassistant/sensor/kitchen/temperature/config":                  false,
		"homeassistant/status":                                             false,
		"pulltrail/me/other":                                               false,
		"com/docker/hub/repositories/metrics/a/b":                          false,
	} {
		if told(topic) != want {
			t.Errorf("%s: %v, want %v", topic, !want, want)
		}
	}
}

package config

import (
	"reflect"
	"slices"
	"strings"
)

// Changed are the paths of the keys that have different values in a and b, in the order
// of the documented file. A list of sections counts as one key. Values are compared as
// they were read, so a secret in a file counts, and what a certificate's file holds does
// not.
func Changed(a, b Config) []string {
	var paths []string
	before := values(a)
	values(b).leaves(func(k *key) {
		was := before.find(k.path)
		if !reflect.DeepEqual(was.value, k.value) {
			paths = append(paths, k.path)
		}
	})
	return paths
}

// FixedBetween are those of the changed keys that a process reads at its start only: where
// it keeps everything, who it is for brokers, what it listens on, how it logs.
func FixedBetween(a, b Config) []string {
	fixed := []string{"data_dir", "log.format", "mqtt.client_id", "web.listen"}
	embedded := a.MQTT.URL == "" || b.MQTT.URL == ""
	return slices.DeleteFunc(Changed(a, b), func(path string) bool {
		switch {
		case slices.Contains(fixed, path):
			return false
		case path == "mqtt.url":
			return a.MQTT.URL != "" && b.MQTT.URL != ""
		}
		return !embedded || !strings.HasPrefix(path, "mqtt.embedded.")
	})
}

func values(c Config) *key {
	return &key{kind: section, keys: fields(reflect.ValueOf(c), "")}
}

package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Key describes one key, for the documentation.
type Key struct {
	// Path is the key's path, such as "collector.schedule"; "[]" in it stands for
	// the number of a section in a list.
	Path string
	// Env is the environment variable; empty where there is none.
	Env string
	// Type says in words what the key holds.
	Type string
	// Default is the default as it is written in the file; empty for none.
	Default string
}

// Keys are all keys in the order of the documented file.
func Keys() []Key {
	var out []Key
	table().leaves(func(k *key) {
		if k.kind != list {
			out = append(out, Key{Path: k.path, Env: variable(k.path), Type: k.kind.String(), Default: show(k.value, k.kind)})
			return
		}
		out = append(out, Key{Path: k.path, Type: k.kind.String()})
		for _, c := range k.keys {
			out = append(out, Key{Path: c.path, Type: c.kind.String()})
		}
	})
	return out
}

// show is a default as it is written in the file.
func show(value any, k kind) string {
	switch v := value.(type) {
	case string:
		return v
	case []string:
		return strings.Join(v, ", ")
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case time.Duration:
		return showDuration(v)
	case int64:
		return showSize(v)
	}
	if k == secretText {
		return ""
	}
	return fmt.Sprint(value)
}

// showDuration is d without the parts that are zero: 1h rather than 1h0m0s.
func showDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// showSize is n in the largest unit that loses nothing.
func showSize(n int64) string {
	units := []string{"", "KiB", "MiB", "GiB", "TiB"}
	i := 0
	for n != 0 && n%1024 == 0 && i < len(units)-1 {
		n /= 1024
		i++
	}
	return strconv.FormatInt(n, 10) + units[i]
}

// Package topic knows the rules of MQTT topic names and topic filters
// (MQTT 5.0, section 4.7). It imports the standard library only.
package topic

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxBytes is the longest UTF-8 string that MQTT can carry.
const maxBytes = 65535

// CheckName says what is wrong with name as a topic to publish to; nil if nothing.
func CheckName(name string) error {
	if err := checkText(name); err != nil {
		return err
	}
	if strings.ContainsAny(name, "+#") {
		return errors.New("a topic to publish to has no wildcard (+ or #)")
	}
	if strings.HasPrefix(name, "$") {
		return errors.New("topics that begin with $ belong to the broker")
	}
	return nil
}

// CheckFilter says what is wrong with filter as a subscription; nil if nothing.
func CheckFilter(filter string) error {
	if err := checkText(filter); err != nil {
		return err
	}
	if strings.HasPrefix(filter, "$share/") {
		group, rest, ok := strings.Cut(strings.TrimPrefix(filter, "$share/"), "/")
		if !ok || group == "" || rest == "" || strings.ContainsAny(group, "+#") {
			return errors.New("a shared subscription is $share/<group>/<filter>")
		}
		filter = rest
	}
	levels := strings.Split(filter, "/")
	for i, level := range levels {
		switch {
		case level == "#" && i != len(levels)-1:
			return errors.New("the wildcard # must be the last level")
		case level != "#" && strings.Contains(level, "#"), level != "+" && strings.Contains(level, "+"):
			return fmt.Errorf("the level %q mixes a wildcard with text: + and # stand alone between slashes", level)
		}
	}
	return nil
}

func checkText(s string) error {
	switch {
	case s == "":
		return errors.New("a topic cannot be empty")
	case len(s) > maxBytes:
		return fmt.Errorf("a topic has at most %d bytes", maxBytes)
	case !utf8.ValidString(s):
		return errors.New("a topic must be valid UTF-8")
	case strings.ContainsRune(s, 0):
		return errors.New("a topic cannot contain a NUL character")
	}
	return nil
}

// Bare is filter without the prefix of a shared subscription.
func Bare(filter string) string {
	if rest, ok := strings.CutPrefix(filter, "$share/"); ok {
		if _, bare, ok := strings.Cut(rest, "/"); ok {
			return bare
		}
	}
	return filter
}

// Match reports whether a message published to name belongs to filter. The
// prefix of a shared subscription is passed over.
func Match(filter, name string) bool {
	filter = Bare(filter)
	if strings.HasPrefix(name, "$") != strings.HasPrefix(filter, "$") {
		return false
	}
	for {
		f, filterRest, filterMore := strings.Cut(filter, "/")
		if f == "#" {
			return true
		}
		n, nameRest, nameMore := strings.Cut(name, "/")
		if f != "+" && f != n {
			return false
		}
		switch {
		case !filterMore && !nameMore:
			return true
		case filterMore && !nameMore:
			return filterRest == "#" // "a/#" takes "a" itself too
		case !filterMore:
			return false
		}
		filter, name = filterRest, nameRest
	}
}

// Covers reports whether every topic that belongs to inner belongs to outer too.
func Covers(outer, inner string) bool {
	outer, inner = Bare(outer), Bare(inner)
	if strings.HasPrefix(inner, "$") != strings.HasPrefix(outer, "$") {
		return false
	}
	for {
		o, outerRest, outerMore := strings.Cut(outer, "/")
		if o == "#" {
			return true
		}
		i, innerRest, innerMore := strings.Cut(inner, "/")
		if i == "#" || (o != "+" && o != i) {
			return false
		}
		switch {
		case !outerMore && !innerMore:
			return true
		case outerMore && !innerMore:
			return outerRest == "#"
		case !outerMore:
			return false
		}
		outer, inner = outerRest, innerRest
	}
}

// Minimal is filters without those that another one covers, order kept. A broker
// may deliver a message once per matching subscription (MQTT 5.0, section 3.3.4),
// so overlapping subscriptions are not made.
func Minimal(filters []string) []string {
	var out []string
	for i, f := range filters {
		covered := false
		for j, other := range filters {
			if i == j || !Covers(other, f) {
				continue
			}
			// of two that cover one another the first stays
			if !Covers(f, other) || j < i {
				covered = true
				break
			}
		}
		if !covered {
			out = append(out, f)
		}
	}
	return out
}

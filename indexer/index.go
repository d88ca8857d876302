package indexer

import (
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// maxIndexBytes is the clusters' bound for an index name.
const maxIndexBytes = 255

// expand is the index name for t's day in UTC.
func expand(template string, t time.Time) string { return parsePattern(template).name(t) }

// checkTemplate says what is wrong with an index name that has placeholders. Every
// date of four-digit years gives a name of the same length.
func checkTemplate(template string) error {
	if template == "" {
		return errors.New("is missing: write an index name such as " + DefaultSnapshotIndex)
	}
	name := expand(template, time.Unix(0, 0))
	if i := strings.IndexAny(name, "{}"); i >= 0 {
		return errors.New("has an unknown placeholder: write {Y}, {m} or {d}")
	}
	return checkIndex(name)
}

// checkIndex holds a name against the clusters' rules (the same since version 1 of each).
func checkIndex(name string) error {
	switch {
	case name == "." || name == "..":
		return errors.New(". and .. are no names for an index")
	case len(name) > maxIndexBytes:
		return fmt.Errorf("an index name has at most %d bytes, this one %d", maxIndexBytes, len(name))
	case strings.ToLower(name) != name:
		return errors.New("an index name is in lower case: write " + strings.ToLower(name))
	case strings.ContainsAny(name[:1], "-_+"):
		return errors.New("an index name does not begin with -, _ or +")
	case strings.ContainsAny(name, "\\/*?\"<>| ,#:"):
		return errors.New("an index name has none of \\ / * ? \" < > | , # : nor a space")
	case !utf8.ValidString(name) || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("an index name has no control characters")
	}
	return nil
}

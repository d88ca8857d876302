// Package hub knows what Docker Hub says about a repository: the Snapshot, its
// identity, its validation and its form on the wire.
//
// A snapshot carries Docker Hub's own JSON object, unknown fields included, in its
// own order and with every digit, because the schema drifts: fields come and go
// several times a year. Only what identifies a snapshot and what is counted is
// read; the rest passes through.
//
// The package imports the standard library only and does no I/O.
package hub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The fields that Pulltrail itself adds to or takes from Docker Hub's object.
const (
	keyTimestamp       = "timestamp"
	keySlot            = "slot"
	keyFullDescription = "full_description" // up to 25 kB of Markdown that says nothing about pulls
)

// Snapshot is the state of one repository at one time.
type Snapshot struct {
	Repository
	// Timestamp is when Docker Hub answered; Slot the scheduled time that the
	// snapshot was taken for, equal to Timestamp for one without a schedule.
	// Both are in UTC.
	Timestamp, Slot time.Time
	// PullCount is Docker Hub's running total: image pulls and up-to-date checks.
	PullCount int64
	// StarCount and StorageSize (bytes) are nil where the object lacks them.
	StarCount, StorageSize *int64
	// LastUpdated is the time of the last push; nil for a repository without one.
	LastUpdated *time.Time
	// Private repositories are shown to nobody without authentication.
	Private bool

	fields []Field
}

// Decode reads Docker Hub's answer for one repository, which has no time of its
// own, and stamps it. It leaves full_description out. The error says why the body
// is not a statistic; it never stands for a count of zero.
func Decode(body []byte, timestamp, slot time.Time) (Snapshot, error) {
	fields, err := ParseObject(body)
	if err != nil {
		return Snapshot{}, err
	}
	return stamp(fields, timestamp, slot)
}

// DecodeRow is Decode for a row of the listing of a namespace, which lacks the member
// user: it is set to the namespace, as it is in the answer for a single repository.
func DecodeRow(row []byte, namespace string, timestamp, slot time.Time) (Snapshot, error) {
	fields, err := ParseObject(row)
	if err != nil {
		return Snapshot{}, err
	}
	if !slices.ContainsFunc(fields, func(f Field) bool { return f.Key == "user" }) {
		fields = slices.Insert(fields, 0, Field{"user", quote(namespace)})
	}
	return stamp(fields, timestamp, slot)
}

func stamp(fields []Field, timestamp, slot time.Time) (Snapshot, error) {
	fields = slices.DeleteFunc(fields, func(f Field) bool {
		return f.Key == keyFullDescription || f.Key == keyTimestamp || f.Key == keySlot
	})
	fields = append(fields,
		Field{keyTimestamp, FormatTime(timestamp)},
		Field{keySlot, FormatTime(slot)})
	return fromFields(fields)
}

// Parse reads a snapshot from the wire: what Encode wrote, or what the
// dockerhubstats2mqtt job publishes, whose objects have a timestamp but no slot.
func Parse(payload []byte) (Snapshot, error) {
	fields, err := ParseObject(payload)
	if err != nil {
		return Snapshot{}, err
	}
	return fromFields(fields)
}

// FutureTolerance is how far ahead of this machine's clock a snapshot may be dated: clocks
// differ.
const FutureTolerance = 5 * time.Minute

// CheckDate returns an error for a snapshot dated more than FutureTolerance after now: as
// the newest of its repository it would hide all later ones.
func (s Snapshot) CheckDate(now time.Time) error {
	for _, f := range []struct {
		key string
		at  time.Time
	}{{keyTimestamp, s.Timestamp}, {keySlot, s.Slot}} {
		if err := CheckTime(f.at, now); err != nil {
			return fmt.Errorf("%s %w", f.key, err)
		}
	}
	return nil
}

// CheckTime returns an error for a time more than FutureTolerance after now.
func CheckTime(at, now time.Time) error {
	if at.After(now.Add(FutureTolerance)) {
		return fmt.Errorf("%s is in the future: the clock here says %s", at.Format(time.RFC3339), now.UTC().Format(time.RFC3339))
	}
	return nil
}

// Restore makes a snapshot of fields that were taken apart with Fields.
func Restore(fields []Field) (Snapshot, error) { return fromFields(fields) }

// ID is "namespace/name@slot", the slot in UTC: the same for everybody who took
// the same repository for the same slot.
func (s Snapshot) ID() string { return ID(s.Repository, s.Slot) }

// ID is the identity of the snapshot of repository r taken for slot.
func ID(r Repository, slot time.Time) string {
	return r.String() + "@" + slot.UTC().Format(time.RFC3339Nano)
}

// Encode is the snapshot on the wire and in an index: one JSON object.
func (s Snapshot) Encode() []byte { return EncodeObject(s.fields) }

// Fields are the members of the object in their order. They are not to be changed.
func (s Snapshot) Fields() []Field { return s.fields }

// FormatTime is t as a JSON string as Pulltrail writes it: RFC 3339, UTC.
func FormatTime(t time.Time) json.RawMessage {
	return json.RawMessage(t.UTC().AppendFormat(nil, `"`+time.RFC3339Nano+`"`))
}

func fromFields(fields []Field) (Snapshot, error) {
	s := Snapshot{fields: fields}
	get := func(key string) json.RawMessage {
		for _, f := range fields {
			if f.Key == key {
				return f.Value
			}
		}
		return nil
	}
	var errs []error
	fail := func(key string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	var err error
	s.Namespace, err = repositoryPart(get("namespace"))
	fail("namespace", err)
	s.Name, err = repositoryPart(get("name"))
	fail("name", err)
	s.PullCount, err = count(get("pull_count"))
	fail("pull_count", err)
	s.Timestamp, err = instant(get(keyTimestamp))
	fail(keyTimestamp, err)
	s.Slot = s.Timestamp
	if raw := get(keySlot); raw != nil {
		s.Slot, err = instant(raw)
		fail(keySlot, err)
	}
	if len(errs) > 0 {
		return Snapshot{}, errors.Join(errs...)
	}
	// What is merely shown is read where it can be and otherwise passes through.
	if n, err := count(get("star_count")); err == nil {
		s.StarCount = &n
	}
	if n, err := count(get("storage_size")); err == nil {
		s.StorageSize = &n
	}
	if t, err := instant(get("last_updated")); err == nil {
		s.LastUpdated = &t
	}
	s.Private = bytes.Equal(get("is_private"), []byte("true"))
	return s, nil
}

var errMissing = errors.New("missing")

// count reads a counter: a JSON integer that is not negative and fits 64 bits.
func count(raw json.RawMessage) (int64, error) {
	if raw == nil {
		return 0, errMissing
	}
	n, err := strconv.ParseInt(string(raw), 10, 64)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("%s is not a count (an integer from 0 to 2^63-1)", printable(raw))
	}
	return n, nil
}

func instant(raw json.RawMessage) (time.Time, error) {
	if raw == nil {
		return time.Time{}, errMissing
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil || bytes.Equal(raw, []byte("null")) {
		return time.Time{}, fmt.Errorf("%s is not a time", printable(raw))
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}, fmt.Errorf("%.40q is not a time such as 2026-01-31T01:00:00Z", text)
	}
	if y := t.UTC().Year(); y < 1970 || y > 9999 {
		return time.Time{}, fmt.Errorf("%.40q is out of range (1970 to 9999)", text)
	}
	return t.UTC(), nil
}

func repositoryPart(raw json.RawMessage) (string, error) {
	if raw == nil {
		return "", errMissing
	}
	var s string
	if err := json.Unmarshal(raw, &s); err != nil || !isPart(s) {
		return "", fmt.Errorf("%s is not part of a repository's name", printable(raw))
	}
	return s, nil
}

// printable returns the first 60 characters of raw for an error, escaped if a terminal could take them for commands.
func printable(raw json.RawMessage) string {
	text := fmt.Sprintf("%.60s", raw)
	if strings.ContainsFunc(text, func(r rune) bool { return !strconv.IsPrint(r) || r == utf8.RuneError }) {
		return strconv.Quote(text)
	}
	return text
}

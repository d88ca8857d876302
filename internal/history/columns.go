package history

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/hub"
)

// null stands in a body for a value that the columns give back.
var null = json.RawMessage("null")

// columns are what a snapshot has of its own; the rest is its body. Times are
// microseconds since 1970, and nil stands for NULL.
type columns struct {
	slot, timestamp           int64
	pullCount                 int64
	starCount, storageSize    *int64
	lastUpdated, lastModified *int64
	// The JSON of slot and timestamp where the time alone would not give it back.
	slotJSON, timestampJSON *string
}

// columnNames are in the order of values and targets.
const columnNames = "slot, timestamp, pull_count, star_count, storage_size, last_updated, last_modified, slot_json, timestamp_json"

func (c *columns) values() []any {
	return []any{
		c.slot, c.timestamp, c.pullCount, c.starCount, c.storageSize, c.lastUpdated, c.lastModified,
		c.slotJSON, c.timestampJSON,
	}
}

func (c *columns) targets() []any {
	return []any{
		&c.slot, &c.timestamp, &c.pullCount, &c.starCount, &c.storageSize, &c.lastUpdated, &c.lastModified,
		&c.slotJSON, &c.timestampJSON,
	}
}

// split takes a snapshot's object apart into columns and body. A member stands in the
// body as null where json gives its bytes back, so that the bodies of snapshots that
// differ in their counts and times alone are equal. Every other member stays in the
// body as it is; so does a null, whose column is then NULL.
func split(s hub.Snapshot) (columns, []byte) {
	c := columns{
		slot: database.Micros(s.Slot), timestamp: database.Micros(s.Timestamp), pullCount: s.PullCount,
		starCount: s.StarCount, storageSize: s.StorageSize, lastUpdated: micros(s.LastUpdated),
	}
	fields := slices.Clone(s.Fields())
	for i, f := range fields {
		switch f.Key {
		case "slot":
			c.slotJSON = unlessCanonical(f.Value, c.slot)
		case "timestamp":
			c.timestampJSON = unlessCanonical(f.Value, c.timestamp)
		case "last_modified":
			c.lastModified = canonicalMicros(f.Value)
		}
		if value := c.json(f.Key); value != nil && bytes.Equal(value, f.Value) {
			fields[i].Value = null
		}
	}
	return c, hub.EncodeObject(fields)
}

// join is the inverse of split: fields are those of the body, and stay as they are.
func join(c columns, fields []hub.Field) []hub.Field {
	fields = slices.Clone(fields)
	for i, f := range fields {
		if !bytes.Equal(f.Value, null) {
			continue
		}
		if value := c.json(f.Key); value != nil {
			fields[i].Value = value
		}
	}
	return fields
}

// json is what the columns know of a member; nil where they know nothing.
func (c *columns) json(key string) json.RawMessage {
	switch key {
	case "slot":
		return timeOr(c.slotJSON, c.slot)
	case "timestamp":
		return timeOr(c.timestampJSON, c.timestamp)
	case "pull_count":
		return number(&c.pullCount)
	case "star_count":
		return number(c.starCount)
	case "storage_size":
		return number(c.storageSize)
	case "last_updated":
		return instant(c.lastUpdated)
	case "last_modified":
		return instant(c.lastModified)
	}
	return nil
}

func number(n *int64) json.RawMessage {
	if n == nil {
		return nil
	}
	return strconv.AppendInt(nil, *n, 10)
}

func instant(t *int64) json.RawMessage {
	if t == nil {
		return nil
	}
	return hub.FormatTime(database.Time(*t))
}

func timeOr(original *string, t int64) json.RawMessage {
	if original != nil {
		return json.RawMessage(*original)
	}
	return instant(&t)
}

func unlessCanonical(value json.RawMessage, t int64) *string {
	if bytes.Equal(value, instant(&t)) {
		return nil
	}
	original := string(value)
	return &original
}

// canonicalMicros is the time that gives value back; nil where none does.
func canonicalMicros(value json.RawMessage) *int64 {
	t, err := time.Parse(`"`+time.RFC3339Nano+`"`, string(value))
	if err != nil {
		return nil
	}
	m := database.Micros(t)
	if !bytes.Equal(value, instant(&m)) {
		return nil
	}
	return &m
}

func micros(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	m := database.Micros(*t)
	return &m
}

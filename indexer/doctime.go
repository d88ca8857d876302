package indexer

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"time"
)

// millisFrom is the number from which an epoch counts milliseconds: as seconds it
// would be the year 5138, as milliseconds it is March 1973.
const millisFrom = 100_000_000_000

// The years of a document's time. An index is named after a time in them, and its name is
// read back in the same range, see pattern.end.
const (
	firstYear = 1970
	lastYear  = 9999
)

// documentTime reads a time: an RFC 3339 string, or a number of seconds or
// milliseconds since 1970, a string of digits included. Its year has four digits.
func documentTime(raw json.RawMessage) (time.Time, error) {
	text := string(raw)
	if len(raw) > 0 && raw[0] == '"' {
		if err := json.Unmarshal(raw, &text); err != nil {
			return time.Time{}, fmt.Errorf("%.60s is not a time", raw)
		}
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			return inRange(t.UTC(), raw)
		}
	}
	seconds, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(seconds) || math.Abs(seconds) >= math.MaxInt64/1000 {
		return time.Time{}, fmt.Errorf("%.60s is not a time: an RFC 3339 string, or seconds or milliseconds since 1970", raw)
	}
	if math.Abs(seconds) >= millisFrom {
		return inRange(time.UnixMilli(int64(seconds)).UTC(), raw)
	}
	return inRange(time.UnixMilli(int64(math.Floor(seconds*1000))).UTC(), raw)
}

func inRange(t time.Time, raw json.RawMessage) (time.Time, error) {
	if y := t.Year(); y < firstYear || y > lastYear {
		return time.Time{}, fmt.Errorf("%.60s is out of range (the years %d to %d)", raw, firstYear, lastYear)
	}
	return t, nil
}

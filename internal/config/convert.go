package config

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	bytesize "github.com/dustin/go-humanize"
)

// fromText reads a value from a source that knows only text: the environment and
// the flags. The error says what to write instead and does not hold the text.
func fromText(k kind, s string) (any, error) {
	switch k {
	case text, secretText, label:
		return s, nil
	case words:
		return split(s), nil
	}
	s = strings.TrimSpace(s)
	if s == "" {
		return nil, fmt.Errorf("is empty: %s, or leave it unset for the default", remedy(k))
	}
	switch k {
	case boolean:
		switch strings.ToLower(s) {
		case "true", "yes", "1":
			return true, nil
		case "false", "no", "0":
			return false, nil
		}
	case whole:
		if n, err := strconv.Atoi(s); err == nil {
			return n, nil
		}
	case number:
		if n, err := strconv.ParseFloat(s, 64); err == nil {
			return finite(n)
		}
	case duration:
		return parseDuration(s)
	case size:
		return parseSize(s)
	}
	return nil, errors.New(remedy(k))
}

// fromValue takes a value that has a type already. Nothing is converted but whole
// numbers, which are numbers, sizes and labels too, and texts for the kinds that are
// written as text in the file: durations, sizes, lists of words.
func fromValue(k kind, value any) (any, error) {
	switch v := value.(type) {
	case string:
		switch k {
		case text, secretText, label, words, duration, size:
			return fromText(k, v)
		}
	case bool:
		if k == boolean {
			return v, nil
		}
	case float64:
		if k == number {
			return finite(v)
		}
	case time.Duration:
		if k == duration {
			return v, nil
		}
	case []string:
		if k == words {
			return noneIsNil(v), nil
		}
	case int:
		return fromInteger(k, int64(v))
	case int64:
		return fromInteger(k, v)
	case uint64:
		if v > math.MaxInt64 {
			return nil, fmt.Errorf("is too large: %s", remedy(k))
		}
		return fromInteger(k, int64(v))
	}
	return nil, errors.New(remedy(k))
}

func fromInteger(k kind, n int64) (any, error) {
	switch k {
	case whole:
		if int64(int(n)) == n {
			return int(n), nil
		}
	case number:
		return float64(n), nil
	case size:
		return n, nil
	case label:
		return strconv.FormatInt(n, 10), nil
	case duration:
		return parseDuration(strconv.FormatInt(n, 10))
	}
	return nil, errors.New(remedy(k))
}

// wanted is what a key of this kind takes.
func wanted(k kind) string {
	switch k {
	case text, secretText, label:
		return "text"
	case boolean:
		return "true or false"
	case whole:
		return "a whole number, such as 4"
	case number:
		return "a number, such as 2.5"
	case size:
		return "a size in bytes, such as 1048576 or 1MiB"
	case duration:
		return "a duration with its unit, such as 30s, 5m or 24h"
	case words:
		return "a list of words, such as [a, b]"
	case list:
		return "a list, each of its entries a section"
	}
	return "left out, because this key cannot be set"
}

// remedy says what to write for a key of this kind.
func remedy(k kind) string {
	if k == text || k == secretText || k == label {
		return "must be text: put it in quotes"
	}
	return "must be " + wanted(k)
}

func finite(n float64) (any, error) {
	if math.IsInf(n, 0) || math.IsNaN(n) {
		return nil, errors.New(remedy(number))
	}
	return n, nil
}

// split separates words by white space and commas; nil when there are none.
func split(s string) []string {
	return noneIsNil(strings.FieldsFunc(s, func(r rune) bool { return r == ',' || unicode.IsSpace(r) }))
}

func noneIsNil(words []string) []string {
	if len(words) == 0 {
		return nil
	}
	return words
}

func parseDuration(s string) (any, error) {
	if d, err := time.ParseDuration(s); err == nil && s != "0" {
		return d, nil
	}
	if _, err := strconv.ParseFloat(s, 64); err == nil && strings.Trim(s, "+-.0123456789") == "" {
		return nil, fmt.Errorf("has no unit: write %ss for seconds, or %sm, %sh", s, s, s)
	}
	return nil, errors.New(remedy(duration))
}

func parseSize(s string) (any, error) {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n, nil // also without the rounding of larger numbers below
	}
	if n, err := bytesize.ParseBytes(s); err == nil && n <= math.MaxInt64 {
		return int64(n), nil
	}
	return nil, errors.New(remedy(size))
}

package svg

import (
	"html"
	"strings"
	"unicode"
	"unicode/utf8"
)

const (
	ellipsis = "…"

	// What stands between these two has a direction of its own, that of its first letter.
	isolate    = "\u2068"
	endIsolate = "\u2069"
)

// clean is s without what no text should have, in at most limit characters. White space
// of any kind is a space.
func clean(s string, limit int) string {
	var out strings.Builder
	n := 0
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		s = s[size:]
		switch {
		case r == utf8.RuneError && size == 1, !allowed(r):
			continue
		case unicode.IsSpace(r) && r != '\u00a0':
			r = ' '
		}
		if n == limit {
			return joined(out.String()) + ellipsis
		}
		out.WriteRune(r)
		n++
	}
	return strings.TrimSpace(out.String())
}

// allowed reports whether r may stand in XML and does nothing to its surroundings.
func allowed(r rune) bool {
	switch {
	case r == '\t', r == '\n', r == '\r':
		return true
	case unicode.IsControl(r), r&0xfffe == 0xfffe, r == '\ufeff':
		return false
	}
	return !unicode.Is(unicode.Bidi_Control, r)
}

// joined is s without what at its end would join on to an ellipsis.
func joined(s string) string {
	return strings.TrimRightFunc(s, func(r rune) bool { return r == ' ' || r == '\u200d' })
}

// isolated is s, kept from turning round what stands beside it.
func isolated(s string) string {
	if strings.ContainsFunc(s, rightToLeft) {
		return isolate + s + endIsolate
	}
	return s
}

func rightToLeft(r rune) bool {
	return r >= 0x590 && r < 0x900 || r >= 0xfb1d && r < 0xfe00 || r >= 0xfe70 && r < 0xff00 ||
		r >= 0x10800 && r < 0x11000 || r >= 0x1e800 && r < 0x1f000
}

// fit is a clean s, cut so that it is not wider than width pixels.
func fit(s string, size, width float64) string {
	if textWidth(s, size) <= width {
		return s
	}
	width -= textWidth(ellipsis, size)
	for i, r := range s {
		if width -= advance(r) * size; width < 0 {
			return joined(s[:i]) + ellipsis
		}
	}
	return s
}

// escaped is a clean s as content or attribute.
func escaped(s string) string { return html.EscapeString(isolated(s)) }

// textWidth is how many pixels s takes in a font of that size, if that is as wide as
// Verdana, which is wider than most.
func textWidth(s string, size float64) float64 {
	total := 0.0
	for _, r := range s {
		total += advance(r)
	}
	return total * size
}

// advance is the width of r in ems.
func advance(r rune) float64 {
	switch {
	case r >= ' ' && r <= '~':
		return float64(widths[r-' ']) / 100
	case r == '\u00a0':
		return float64(widths[0]) / 100
	case unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf):
		return 0
	case r >= 0x1100 && r < 0x1200, r >= 0x2e80 && r < 0xa4d0, r >= 0xac00 && r < 0xd800, r >= 0xf900 && r < 0xfb00, r >= 0xff00 && r < 0xff61:
		return 1
	case r >= 0x2600 && r < 0x2800, r >= 0x1f000:
		return 1.4 // most of them are pictures
	case r >= 0x2010 && r < 0x2016, unicode.IsLower(r):
		return 0.7
	}
	return 0.85
}

// widths are those of the characters from space to tilde, in hundredths of an em.
var widths = [...]uint8{
	35, 39, 46, 82, 64, 108, 73, 27, 45, 45, 64, 82, 36, 45, 36, 45, // space to /
	64, 64, 64, 64, 64, 64, 64, 64, 64, 64, 45, 45, 82, 82, 82, 55, // 0 to ?
	100, 68, 69, 70, 77, 63, 57, 78, 75, 42, 45, 69, 56, 84, 75, 79, // @ to O
	60, 79, 70, 68, 62, 73, 68, 99, 69, 62, 69, 45, 45, 45, 82, 64, // P to _
	64, 60, 62, 52, 62, 60, 35, 62, 63, 27, 34, 59, 27, 97, 63, 61, // ` to o
	62, 62, 43, 52, 39, 63, 59, 82, 59, 59, 53, 63, 45, 63, 82, // p to ~
}

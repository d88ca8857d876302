package svg

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// The longest label and the longest value of a badge, in characters.
const (
	maxBadgeLabel = 64
	maxBadgeValue = 64
)

// badgeColours are those that have a name; the first is taken for what is none.
var badgeColours = []struct{ name, hex string }{
	{"blue", "#0b62c4"}, {"green", "#1a7f4b"}, {"brightgreen", "#2ea043"}, {"yellow", "#dfb317"}, {"orange", "#d9730d"},
	{"red", "#c0272d"}, {"grey", "#59626d"}, {"lightgrey", "#8b949e"},
}

const badgeDark = "#444c56"

// Badge is a flat badge for a README, a file of its own: the label dark, the value in a
// colour, which is the name of one or three or six hexadecimal digits after #. An empty
// label is left out. Both texts are given their width, so that they fit in any font.
func Badge(label, value, colour string) []byte {
	label, value = clean(label, maxBadgeLabel), clean(value, maxBadgeValue)
	title := escaped(value)
	left := 0
	if label != "" {
		title = escaped(label) + ": " + title
		left = badgeWidth(label)
	}
	right := badgeWidth(value)
	fill := badgeColour(colour)

	var b bytes.Buffer
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="%s" width="%d" height="20" viewBox="0 0 %[2]d 20">`, title, left+right)
	fmt.Fprintf(&b, "<title>%s</title>", title)
	if label == "" {
		fmt.Fprintf(&b, `<rect width="%d" height="20" rx="3" fill="%s"/>`, right, fill)
	} else {
		fmt.Fprintf(&b, `<path fill="%s" d="M%d 0H3a3 3 0 0 0-3 3v14a3 3 0 0 0 3 3h%[3]dz"/>`, badgeDark, left, left-3)
		fmt.Fprintf(&b, `<path fill="%s" d="M%d 0h%d a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-%[3]dz"/>`, fill, left, right-3)
	}
	b.WriteString(`<g text-anchor="middle" font-family="Verdana,Geneva,DejaVu Sans,sans-serif" font-size="11">`)
	badgeText(&b, label, "#fff", 0, left)
	badgeText(&b, value, readable(fill), left, right)
	b.WriteString("</g></svg>\n")
	return b.Bytes()
}

// badgeWidth leaves 5 pixels on either side of a text.
func badgeWidth(s string) int { return int(math.Ceil(textWidth(s, small))) + 10 }

func badgeText(b *bytes.Buffer, s, fill string, left, width int) {
	if s == "" {
		return
	}
	fmt.Fprintf(b, `<text x="%s" y="14" fill="%s" textLength="%s">%s</text>`,
		pixel(float64(left)+float64(width)/2), fill, pixel(max(1, textWidth(s, small))), escaped(s))
}

// IsColour reports whether a badge can have the colour of this name; otherwise it takes
// the usual one.
func IsColour(name string) bool { return badgeColourOr(name, "") != "" }

// badgeColour is what may stand in an attribute: nothing of what a stranger wrote is
// passed on but hexadecimal digits.
func badgeColour(name string) string { return badgeColourOr(name, badgeColours[0].hex) }

func badgeColourOr(name, usual string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	for _, c := range badgeColours {
		if c.name == name {
			return c.hex
		}
	}
	digits, found := strings.CutPrefix(name, "#")
	if _, err := strconv.ParseUint(digits, 16, 32); !found || err != nil || len(digits) != 3 && len(digits) != 6 {
		return usual
	}
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	return "#" + digits
}

// readable is the colour of text on a colour.
func readable(hex string) string {
	if contrast(hex, "#ffffff") >= 3 {
		return "#fff"
	}
	return "#1b1f24"
}

// contrast of two colours, as WCAG defines it: 1 to 21.
func contrast(a, b string) float64 {
	light, dark := luminance(a), luminance(b)
	if light < dark {
		light, dark = dark, light
	}
	return (light + 0.05) / (dark + 0.05)
}

// luminance of #rrggbb.
func luminance(hex string) float64 {
	total := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		v, err := strconv.ParseUint(hex[1+2*i:3+2*i], 16, 8)
		if err != nil {
			return 0
		}
		c := float64(v) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		total += weight * c
	}
	return total
}

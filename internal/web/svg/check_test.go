package svg

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

// element is one of a picture, with its attributes and those of the elements around it.
type element struct {
	name string
	attr map[string]string
	text string
}

func (e element) number(t *testing.T, name string) float64 {
	t.Helper()
	v, err := strconv.ParseFloat(e.attr[name], 64)
	if err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
		t.Errorf("<%s %s=%q> is no number", e.name, name, e.attr[name])
	}
	return v
}

// elements parses a picture.
func elements(t *testing.T, svg []byte) []element {
	t.Helper()
	var all []element
	var open []int
	for d := xml.NewDecoder(bytes.NewReader(svg)); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("not well-formed: %v\n%s", err, svg)
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := element{name: token.Name.Local, attr: map[string]string{}}
			if len(open) > 0 {
				for _, inherited := range []string{"text-anchor", "font-size"} {
					e.attr[inherited] = all[open[len(open)-1]].attr[inherited]
				}
			}
			for _, a := range token.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			open = append(open, len(all))
			all = append(all, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				all[open[len(open)-1]].text += string(token)
			}
		}
	}
	if len(all) == 0 || len(open) > 0 {
		t.Fatalf("not a whole picture: %s", svg)
	}
	return all
}

// box is where a text lies.
type box struct {
	left, right, top, bottom float64
	text                     string
}

func (b box) overlaps(o box) bool {
	return b.left < o.right && o.left < b.right && b.top < o.bottom && o.top < b.bottom
}

func boxOf(t *testing.T, e element) box {
	t.Helper()
	size := e.number(t, "font-size")
	x, y, width := e.number(t, "x"), e.number(t, "y"), textWidth(strings.Trim(e.text, isolate+endIsolate), size)
	switch e.attr["text-anchor"] {
	case "middle":
		x -= width / 2
	case "end":
		x -= width
	}
	return box{x, x + width, y - 0.8*size, y + 0.2*size, e.text}
}

// checkPicture holds what is true of every picture.
func checkPicture(t *testing.T, svg []byte, inPage bool) {
	t.Helper()
	all := elements(t, svg)
	width, height := all[0].number(t, "width"), all[0].number(t, "height")
	var boxes []box
	for _, e := range all {
		checkElement(t, e, inPage)
		switch e.name {
		case "text":
			boxes = append(boxes, boxOf(t, e))
		case "path":
			checkPath(t, e.attr["d"], width, height)
		}
	}
	for i, b := range boxes {
		if b.left < -0.1 || b.right > width+0.1 || b.top < 0 || b.bottom > height {
			t.Errorf("%q is cut off: %+v of %v × %v", b.text, b, width, height)
		}
		for _, o := range boxes[:i] {
			if b.overlaps(o) {
				t.Errorf("%+v lies over %+v", b, o)
			}
		}
	}
}

var known = []string{"svg", "title", "desc", "style", "g", "path", "rect", "text"}

func checkElement(t *testing.T, e element, inPage bool) {
	t.Helper()
	if !slices.Contains(known, e.name) {
		t.Errorf("an element <%s>", e.name)
	}
	for name := range e.attr {
		if name == "style" || strings.HasPrefix(name, "on") || name == "href" || name == "id" {
			t.Errorf("<%s> has %s", e.name, name)
		}
	}
	if inPage && e.name == "style" {
		t.Error("a style element in a page")
	}
	for _, r := range e.text + e.attr["aria-label"] {
		own := r == []rune(isolate)[0] || r == []rune(endIsolate)[0] || r == '\n'
		if !own && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Errorf("%q has %U", e.text, r)
		}
	}
}

var commands = regexp.MustCompile(`[A-Za-z][^A-Za-z]*`)
var numbers = regexp.MustCompile(`-?(?:\d+(?:\.\d+)?|\.\d+)`)

// checkPath follows a path and holds every place of it within the picture.
func checkPath(t *testing.T, data string, width, height float64) {
	t.Helper()
	if data == "" || data[0] != 'M' {
		t.Errorf("a path %q", data)
	}
	x, y := 0.0, 0.0
	for _, c := range commands.FindAllString(data, -1) {
		if rest := strings.TrimSpace(numbers.ReplaceAllString(c[1:], "")); rest != "" {
			t.Fatalf("%q in a path", rest)
		}
		var n []float64
		for _, s := range numbers.FindAllString(c[1:], -1) {
			v, err := strconv.ParseFloat(s, 64)
			if err != nil {
				t.Fatal(err)
			}
			n = append(n, v)
		}
		for ; len(n) > 0 || c[0] == 'z'; n = n[min(len(n), arguments[c[0]]):] {
			switch c[0] {
			case 'M':
				x, y = n[0], n[1]
			case 'l':
				x, y = x+n[0], y+n[1]
			case 'h':
				x += n[0]
			case 'H':
				x = n[0]
			case 'v':
				y += n[0]
			case 'a':
				x, y = x+n[5], y+n[6]
			case 'z':
			default:
				t.Fatalf("a command %q", c)
			}
			if x < -0.01 || y < -0.01 || x > width+0.01 || y > height+0.01 {
				t.Fatalf("%v, %v is outside of %v × %v", x, y, width, height)
			}
			if c[0] == 'z' {
				break
			}
		}
	}
}

var arguments = map[byte]int{'M': 2, 'l': 2, 'h': 1, 'H': 1, 'v': 1, 'a': 7}

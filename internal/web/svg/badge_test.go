package svg

import (
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestBadgeColours(t *testing.T) {
	for _, tt := range []struct{ name, colour, want string }{
		{"one with a name", "Green", "#1a7f4b"},
		{"six digits", "#A1b2C3", "#a1b2c3"},
		{"three digits", "#fe3", "#ffee33"},
		{"none", "", "#0b62c4"},
		{"no digits", "#12345g", "#0b62c4"},
		{"a sign is no digit", "#+12345", "#0b62c4"},
		{"too many digits", "#1234567", "#0b62c4"},
		{"what would end the attribute", `"/><script>`, "#0b62c4"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := badgeColour(tt.colour); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
			if IsColour(tt.colour) != (tt.want != badgeColours[0].hex) {
				t.Error("IsColour says otherwise")
			}
		})
	}
}

func TestTheTextOfABadgeCanBeReadOnEveryColour(t *testing.T) {
	for _, c := range badgeColours {
		text := strings.Replace(readable(c.hex), "#fff", "#ffffff", 1)
		if got := contrast(text, c.hex); got < 3 {
			t.Errorf("%s has a contrast of %.2f", c.name, got)
		}
	}
}

func TestABadgeIsAsWideAsItsTexts(t *testing.T) {
	width := func(label, value string) float64 {
		return elements(t, Badge(label, value, ""))[0].number(t, "width")
	}
	if short, long := width("pulls", "1"), width("pulls", "12,916"); long <= short {
		t.Errorf("%v for one digit, %v for five", short, long)
	}
	if got := width(strings.Repeat("W", 255), strings.Repeat("W", 255)); got > 1500 {
		t.Errorf("%v pixels", got)
	}
	if alone, both := width("", "1"), width("a", "1"); alone >= both {
		t.Errorf("%v without a label, %v with one", alone, both)
	}
}

func TestASparklineOfThirtyPointsIsSmall(t *testing.T) {
	alternating := wave(monday, 30, 1e9, 3)
	for i := range alternating {
		alternating[i].Gap = i%2 == 0
		alternating[i].Partial = i%3 == 0
	}
	for name, points := range map[string][]Point{"ordinary": wave(monday, 30, 1e9, 3), "with gaps": holed(wave(monday, 30, 800, 0)), "alternating": alternating} {
		if got := Sparkline(points, Spark{}); len(got) >= 600 {
			t.Errorf("%s has %d bytes", name, len(got))
		}
	}
}

func TestSparklinesOfOneTimeCanBeCompared(t *testing.T) {
	s := Spark{From: monday.AddDate(0, 0, -28), To: monday.AddDate(0, 0, 2)}
	spots := s.spots(wave(monday, 2, 9, 0), 120, 28)
	if len(spots) != 2 || spots[0].x < 1080 || spots[1].x > 1180 {
		t.Errorf("the last two of thirty days are at %v", spots)
	}
	if got := s.spots(wave(monday.AddDate(1, 0, 0), 2, 9, 0), 120, 28); len(got) != 0 {
		t.Errorf("what is outside of the time is at %v", got)
	}
}

func TestClean(t *testing.T) {
	for _, tt := range []struct{ name, in, want string }{
		{"an ordinary name", "library/nginx", "library/nginx"},
		{"control characters", "a\x00b\x1b[31mc\u0085", "ab[31mc"},
		{"line ends are spaces", " a\nb\tc\u2028d ", "a b c d"},
		{"invalid UTF-8", "a\xff\xc3b\xed\xa0\x80", "ab"},
		{"what XML may not have", "a\ufffe\uffff\U0001ffffb", "ab"},
		{"marks that turn the direction", "a\u202eb\u2066c\u200fd\u061ce", "abcde"},
		{"a replacement character that was written", "a\ufffdb", "a\ufffdb"},
		{"an emoji of several parts", "👩‍💻", "👩‍💻"},
		{"too long", strings.Repeat("é", 30), strings.Repeat("é", 20) + "…"},
		{"cut between the parts of an emoji", strings.Repeat("a", 18) + "👩‍💻", strings.Repeat("a", 18) + "👩…"},
		{"nothing", "\x00", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := clean(tt.in, 20); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestFit(t *testing.T) {
	for _, s := range []string{"", "a", "library/nginx", strings.Repeat("W", 255), "emoji 👩‍💻 👩‍💻 👩‍💻 👩‍💻 👩‍💻", "漢字漢字漢字漢字漢字漢字"} {
		for width := 20.0; width < 300; width += 13 {
			got := fit(s, small, width)
			if textWidth(got, small) > width || !utf8.ValidString(got) {
				t.Errorf("%q in %v pixels is %q", s, width, got)
			}
			if got != s && !strings.HasSuffix(got, ellipsis) {
				t.Errorf("%q is cut to %q without a sign", s, got)
			}
		}
	}
}

func TestANameFromRightToLeftIsIsolated(t *testing.T) {
	if got := escaped("عربي<"); got != isolate+"عربي&lt;"+endIsolate {
		t.Errorf("got %q", got)
	}
	if got := escaped("nginx"); got != "nginx" {
		t.Errorf("got %q", got)
	}
}

func TestShort(t *testing.T) {
	for want, v := range map[string]float64{"0": 0, "842": 842, "9,999": 9999, "10 k": 1e4, "12.5 k": 12500, "999.9 k": 999_900, "1 M": 999_960, "1 B": 999_950_000, "3.1 M": 3.1e6, "12.9 B": 12.9e9, "10,000,000 T": 1e19} {
		if got := strings.ReplaceAll(short(v), space, " "); got != want {
			t.Errorf("%v is %q, want %q", v, got, want)
		}
	}
}

// FuzzPictures holds what is true of every picture, whatever is drawn.
func FuzzPictures(f *testing.F) {
	for i, name := range hostile {
		f.Add(name, hostile[(i+1)%len(hostile)], []byte("\x00\x10\xff\x7f\x03\x01\x02\x80\x90\xa0"), int64(i)*1e9, int64(86_400)<<i, 300+100*i, 250, byte(i))
	}
	f.Add("", "", []byte{}, int64(-1)<<62, int64(1)<<62, -1, 1<<30, byte(0xff))
	for shift := range 62 {
		f.Add("a", "b", []byte("\x00\x10\x01\x01\x10\x02"), int64(1)<<shift, int64(3)<<(61-shift), 500, 300, byte(shift))
		f.Add("a", "b", []byte("\x00\x10\x01\x01\x10\x02"), -7919*int64(1)<<shift, int64(3)<<shift, 500, 300, byte(shift))
	}
	f.Fuzz(func(t *testing.T, one, two string, data []byte, from, step int64, width, height int, flags byte) {
		c := Chart{
			Title: one, Subtitle: two, Unit: two, Empty: one, Width: width, Height: height,
			Stacked: flags&1 != 0, Log: flags&2 != 0, Inline: flags&4 != 0, Marks: []Mark{{At: time.Unix(from, 0), Label: one}},
		}
		for i := 0; i+2 < len(data); i += 3 {
			n := int(data[i] % 12)
			for len(c.Lines) <= n {
				c.Lines = append(c.Lines, Line{Name: two, Class: int(data[i+1]) - 128})
			}
			at := from + int64(i/3)*step
			c.Lines[n].Points = append(c.Lines[n].Points, Point{At: time.Unix(at, int64(data[i])), Value: int64(data[i+1]) << (data[i+2] % 64), Gap: data[i+2]&64 != 0, Partial: data[i+2]&128 != 0})
		}
		if flags&8 != 0 {
			c.From = time.Unix(from+step, 0)
		}
		if flags&16 != 0 {
			c.To = time.Unix(from+5*step, 0)
		}
		checkPicture(t, c.SVG(), c.Inline)
		checkPicture(t, Badge(one, two, one), false)
		if len(c.Lines) > 0 {
			checkPicture(t, Sparkline(c.Lines[0].Points, Spark{From: c.From, To: c.To, Width: width, Height: height}), true)
		}
	})
}

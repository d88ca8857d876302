package svg

import (
	"strings"
	"testing"
)

func TestAThemeIsThereWhateverTheReaderPrefers(t *testing.T) {
	const light, dark = "--chart-paper: #ffffff", "--chart-paper: #0d1117"
	for theme, want := range map[Theme]string{Auto: light, Light: light, Dark: dark} {
		css := theme.css()
		asks := strings.Contains(css, "@media")
		if asks != (theme == Auto) || !strings.Contains(css, want) || strings.Contains(css, dark) != (theme != Light) ||
			strings.Count(css, "{") != strings.Count(css, "}") || !strings.Contains(css, ".chart-paper {") {
			t.Errorf("%q: %s", theme, css)
		}
		if theme == Dark && strings.Index(css, dark) < strings.Index(css, light) {
			t.Errorf("light prevails: %s", css)
		}
		if file := string(Chart{Theme: theme}.SVG()); !strings.Contains(file, css) {
			t.Errorf("%q: %s", theme, file)
		}
	}
}

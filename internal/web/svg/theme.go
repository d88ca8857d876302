package svg

import "strings"

// Theme says whether a file is light or dark.
type Theme string

// The themes. Auto is what the reader prefers, as far as the program that shows the file
// tells it: in a picture within a page, that is the system's or the browser's choice, not
// the page's.
const (
	Auto  Theme = ""
	Light Theme = "light"
	Dark  Theme = "dark"
)

// ifDark is the beginning of the rules for those who prefer dark; its end is the next
// line that is not indented.
const ifDark = "@media (prefers-color-scheme: dark) {\n"

// css are the rules of the theme.
func (t Theme) css() string {
	before, rest, _ := strings.Cut(CSS, ifDark)
	dark, after, _ := strings.Cut(rest, "\n}\n")
	switch t {
	case Light:
		return before + after
	case Dark:
		return before + dark + "\n" + after
	}
	return CSS
}

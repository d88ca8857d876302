package config

import (
	"errors"
	"strings"
)

// meanings are the comments of the documented file, by the path of the key that they
// stand above.
func meanings(documented []byte) (map[string]string, error) {
	content, err := withRoute(string(documented))
	if err != nil {
		return nil, err
	}
	m := newMistakes()
	if _, err := (&fileParser{name: DefaultFile, root: table(), mistakes: m}).Unmarshal([]byte(content)); err != nil {
		return nil, err
	}
	if err := m.err(); err != nil {
		return nil, err
	}
	lines := strings.Split(content, "\n")
	all := make(map[string]string)
	for path, o := range m.origins {
		var words []string
		for i := o.line - 2; i >= 0; i-- {
			text, isComment := strings.CutPrefix(strings.TrimSpace(lines[i]), "# ")
			if !isComment {
				break
			}
			words = append([]string{text}, words...)
		}
		all[strings.ReplaceAll(path, "[0]", "[]")] = strings.Join(words, " ")
	}
	return all, nil
}

// withRoute is the documented file with its commented example in force.
func withRoute(documented string) (string, error) {
	before, example, found := strings.Cut(documented, "  routes: []\n  # For example:\n")
	if !found {
		return "", errors.New("the documented file has no commented example of routes")
	}
	lines := strings.SplitAfter(example, "\n")
	for i, line := range lines {
		uncommented, isComment := strings.CutPrefix(line, "  # ")
		if !isComment {
			break
		}
		lines[i] = "  " + uncommented
	}
	return before + strings.Join(lines, ""), nil
}

package config

import (
	"fmt"
	"strings"
)

// meanings are the comments of the documented file, by the path of the key that they
// stand above.
func meanings(documented []byte) (map[string]string, error) {
	content, err := withExamples(string(documented))
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

// withExamples is the documented file with its commented examples in force.
func withExamples(documented string) (string, error) {
	text, err := uncommented(documented, "    ", "users")
	if err != nil {
		return "", err
	}
	return uncommented(text, "  ", "routes")
}

// uncommented is the file with the example of the list called name instead of the empty one.
func uncommented(file, indent, name string) (string, error) {
	before, example, found := strings.Cut(file, indent+name+": []\n"+indent+"# For example:\n")
	if !found {
		return "", fmt.Errorf("the documented file has no commented example of %s", name)
	}
	lines := strings.SplitAfter(example, "\n")
	for i, line := range lines {
		rest, isComment := strings.CutPrefix(line, indent+"# ")
		if !isComment {
			break
		}
		lines[i] = indent + rest
	}
	return before + strings.Join(lines, ""), nil
}

package main

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// block is a part of the results that has a place of its own in a file.
type block struct {
	begin, end string // marks
	subject    string // of the tables
	tables     [][][]string
}

// The marks between which --write puts the results; what stands around them is
// written by people.
const (
	markBegin      = "<!-- results: written by go run ./bench --write -->"
	markEnd        = "<!-- end of results -->"
	scaleMarkBegin = "<!-- results of scale: written by go run ./bench --only scale --write -->"
	scaleMarkEnd   = "<!-- end of results of scale -->"
	pagesMarkBegin = "<!-- results of pages: written by go run ./bench --only pages --write -->"
	pagesMarkEnd   = "<!-- end of results of pages -->"
)

// blocks are those for which something was measured.
func (r report) blocks() []block {
	each := fmt.Sprintf("documents of %s bytes, medians of %d rounds", number(r.Size), r.Rounds)
	all := []block{
		{markBegin, markEnd, number(r.Documents) + " " + each, measured(r.table())},
		{scaleMarkBegin, scaleMarkEnd, each, measured(r.scaleTable(), r.backlogTable())},
		{pagesMarkBegin, pagesMarkEnd, r.pagesSubject(), measured(r.pagesTable())},
	}
	return slices.DeleteFunc(all, func(b block) bool { return len(b.tables) == 0 })
}

// measured are the tables that have more than their row of titles.
func measured(tables ...[][]string) [][][]string {
	return slices.DeleteFunc(tables, func(rows [][]string) bool { return len(rows) < 2 })
}

// markdown is what stands between the marks, which are around it.
func (r report) markdown(b block) string {
	origin := strings.Join(append(r.origin(), b.subject), ". ")
	text := fmt.Sprintf("%s\n\n%s.\n\n```sh\n%s\n```\n\n", b.begin, origin, r.Command)
	for _, table := range b.tables {
		text += markdownTable(table) + "\n"
	}
	return text + b.end
}

// writeFile replaces results in a file by those of the stages that were run.
func (r report) writeFile(file string) error {
	before, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	text := string(before)
	for _, b := range r.blocks() {
		if text, err = b.replace(text, r.markdown(b)); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	return os.WriteFile(file, []byte(text), 0o644) //nolint:gosec // to be read by everybody
}

// replace puts marked text in the place of the marked text that is there.
func (b block) replace(text, marked string) (string, error) {
	before, rest, begins := strings.Cut(text, b.begin)
	_, after, ends := strings.Cut(rest, b.end)
	if !begins || !ends {
		return "", fmt.Errorf("the marks %s and %s are missing: nothing was written", b.begin, b.end)
	}
	return before + marked + after, nil
}

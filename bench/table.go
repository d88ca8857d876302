package main

import (
	"strings"
	"unicode/utf8"
)

// aligned is a table for a terminal.
func aligned(rows [][]string) string { return lines(rows, "", "  ", "") }

// markdownTable is a table for a document, whose first row has the titles.
func markdownTable(rows [][]string) string {
	if len(rows) == 0 {
		return ""
	}
	ruled := [][]string{rows[0], make([]string, len(rows[0]))}
	for i := range ruled[1] {
		ruled[1][i] = "---"
	}
	return lines(append(ruled, rows[1:]...), "| ", " | ", " |")
}

// lines pads the cells of each column to one width.
func lines(rows [][]string, left, between, right string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	var out strings.Builder
	for _, row := range rows {
		line := left
		for i, cell := range row {
			if i > 0 {
				line += between
			}
			line += cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell))
		}
		out.WriteString(strings.TrimRight(line+right, " ") + "\n")
	}
	return out.String()
}

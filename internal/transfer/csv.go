package transfer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"pulltrail/internal/hub"
)

var errNotUTF8 = errors.New("it is not UTF-8: save the file as CSV in UTF-8")

// csvRows reads rows of which each stands in one line. The separator is the one that the
// header has: a comma, a semicolon or a tab.
type csvRows struct {
	opts   FileOptions
	line   oneLine
	parser *csv.Reader
	header header
	width  int
}

// oneLine gives a parser one line and then an end, so that a quote that is never closed
// does not take in the rest of the file.
type oneLine struct{ rest []byte }

func (l *oneLine) Read(p []byte) (int, error) {
	if len(l.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.rest)
	l.rest = l.rest[n:]
	return n, nil
}

// newCSV makes sense of the header.
func newCSV(head []byte, opts FileOptions) (*csvRows, error) {
	r := &csvRows{opts: opts}
	r.parser = csv.NewReader(&r.line)
	r.parser.Comma = separator(string(head))
	r.parser.FieldsPerRecord = -1
	r.parser.ReuseRecord = true
	names, err := r.split(head)
	if err != nil {
		return nil, err
	}
	if r.header, err = parseHeader(names); err != nil {
		return nil, err
	}
	if !r.header.namesRepositories() && opts.Repository == nil {
		return nil, errNoRepository
	}
	r.width = len(names)
	return r, nil
}

// separator is the one that there is most of.
func separator(head string) rune {
	best, most := ',', 0
	for _, c := range ",;\t" {
		if n := strings.Count(head, string(c)); n > most {
			best, most = c, n
		}
	}
	return best
}

func (r *csvRows) split(line []byte) ([]string, error) {
	if !utf8.Valid(line) {
		return nil, errNotUTF8
	}
	r.line.rest = slices.Concat(line, []byte{'\n'})
	cells, err := r.parser.Read()
	r.line.rest = nil
	var wrong *csv.ParseError
	switch {
	case errors.Is(err, io.EOF):
		return nil, errors.New("it is empty")
	case errors.As(err, &wrong):
		return nil, fmt.Errorf("its quotes do not match: %w", wrong.Err) // without the parser's own line number
	}
	return cells, err
}

// snapshot reads a row.
func (r *csvRows) snapshot(line []byte) (hub.Snapshot, error) {
	cells, err := r.split(line)
	if err != nil {
		return hub.Snapshot{}, err
	}
	if len(cells) != r.width {
		return hub.Snapshot{}, fmt.Errorf("the row and the header differ in their number of cells: %d and %d", len(cells), r.width)
	}
	var values row
	for c, at := range r.header.at {
		if at >= 0 {
			values.cells[c], values.names[c] = strings.TrimSpace(cells[at]), r.header.names[c]
		}
	}
	return r.opts.snapshot(values)
}

func (r *csvRows) notes() []string {
	if len(r.header.ignored) == 0 {
		return nil
	}
	return []string{"columns that are not understood, and left out: " + clip(strings.Join(r.header.ignored, ", "))}
}

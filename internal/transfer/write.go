package transfer

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"time"

	"pulltrail/internal/control"
	"pulltrail/internal/hub"
)

// The formats of an export.
const (
	CSV       = "csv"
	JSON      = "json"  // one array
	JSONLines = "jsonl" // one object in each line
)

// Writer writes snapshots, or days. The first error stays; Close reports it.
type Writer struct {
	format string
	out    *bufio.Writer
	table  *csv.Writer
	count  int
	err    error
}

// NewWriter makes a writer of a format.
func NewWriter(w io.Writer, format string) *Writer {
	out := bufio.NewWriterSize(w, 64<<10)
	return &Writer{format: format, out: out, table: csv.NewWriter(out)}
}

// The columns of CSV files. The last is there because a file without it would make a
// private repository public where it is imported.
var (
	snapshotHeader = []string{"namespace", "name", "timestamp", "slot", "pull_count", "star_count", "storage_size", "last_updated", "is_private"}
	dayHeader      = []string{"namespace", "name", "date", "pulls", "gap", "partial"}
)

// Snapshots writes snapshots as they are stored.
func (w *Writer) Snapshots(payloads [][]byte) error {
	for _, payload := range payloads {
		if w.err != nil {
			break
		}
		if w.format != CSV {
			w.element(payload)
			continue
		}
		s, err := hub.Parse(payload)
		if err != nil {
			w.err = fmt.Errorf("what is stored is no snapshot: %w", err)
			break
		}
		w.row(snapshotHeader, []string{
			s.Namespace, s.Name, cellTime(&s.Timestamp), cellTime(&s.Slot), strconv.FormatInt(s.PullCount, 10),
			cellCount(s.StarCount), cellCount(s.StorageSize), cellTime(s.LastUpdated), strconv.FormatBool(s.Private),
		})
	}
	return w.err
}

// Days writes days.
func (w *Writer) Days(days []control.Day) error {
	for _, d := range days {
		if w.err != nil {
			break
		}
		if w.format != CSV {
			text, err := json.Marshal(d)
			if w.err = err; err == nil {
				w.element(text)
			}
			continue
		}
		w.row(dayHeader, []string{
			d.Namespace, d.Name, d.Date, strconv.FormatInt(d.Pulls, 10), strconv.FormatBool(d.Gap), strconv.FormatBool(d.Partial),
		})
	}
	return w.err
}

// Close ends the text; days says of what it is, should there be nothing in it. It does
// not close what is written to.
func (w *Writer) Close(days bool) error {
	if w.err == nil && w.count == 0 && w.format == CSV {
		header := snapshotHeader
		if days {
			header = dayHeader
		}
		w.err = w.table.Write(header)
	}
	if w.err == nil && w.format == JSON {
		text := "\n]\n"
		if w.count == 0 {
			text = "[]\n"
		}
		_, w.err = w.out.WriteString(text)
	}
	if w.table.Flush(); w.err == nil {
		w.err = w.table.Error()
	}
	if w.err == nil {
		w.err = w.out.Flush()
	}
	return w.err
}

func (w *Writer) row(header, cells []string) {
	if w.count == 0 {
		w.err = w.table.Write(header)
	}
	if w.count++; w.err == nil {
		w.err = w.table.Write(cells)
	}
}

// element writes one JSON object.
func (w *Writer) element(text []byte) {
	before, after := "", "\n"
	if w.format == JSON {
		before, after = ",\n", ""
		if w.count == 0 {
			before = "[\n"
		}
	}
	w.count++
	for _, part := range [][]byte{[]byte(before), text, []byte(after)} {
		if _, w.err = w.out.Write(part); w.err != nil {
			return
		}
	}
}

func cellTime(t *time.Time) string {
	if t == nil {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func cellCount(n *int64) string {
	if n == nil {
		return ""
	}
	return strconv.FormatInt(*n, 10)
}

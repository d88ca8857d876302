package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// report is the outcome of all rounds.
type report struct {
	Date      time.Time            `json:"date"`
	Machine   machine              `json:"machine"`
	Rounds    int                  `json:"rounds"`
	Documents int                  `json:"documents"`
	Size      int                  `json:"size_bytes"`
	Command   string               `json:"command"`
	Medians   map[string]float64   `json:"medians"`
	Values    map[string][]float64 `json:"values"`
}

func newReport(r *rig, rounds []values) report {
	out := report{
		Date: time.Now().UTC().Truncate(time.Second), Machine: r.machine, Command: r.opts.command(),
		Rounds: r.opts.rounds, Documents: r.opts.documents, Size: r.opts.size,
		Medians: map[string]float64{}, Values: map[string][]float64{},
	}
	for _, round := range rounds {
		for key, v := range round {
			out.Values[key] = append(out.Values[key], v)
		}
	}
	for key, all := range out.Values {
		out.Medians[key] = median(all)
	}
	return out
}

// command is how to get the same again.
func (o options) command() string {
	words := fmt.Sprintf("go run ./bench --rounds %d --documents %d --size %d", o.rounds, o.documents, o.size)
	if len(o.only) > 0 {
		words += " --only " + strings.Join(o.only, ",")
	}
	return words
}

func (r report) writeJSON(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r report) writeText(to io.Writer) error {
	_, err := fmt.Fprintf(to, "\n%s\n\n%s", strings.Join(r.origin(), "\n"), aligned(r.table()))
	return err
}

// origin says in lines where the numbers come from.
func (r report) origin() []string {
	m := r.Machine
	return []string{
		fmt.Sprintf("%s, %d cores (%s), %.0f GiB, Linux %s, data directory on %s, load average %s in the minute before",
			r.Date.Format(time.DateOnly), m.Cores, m.CPU, m.MemoryGiB, m.Kernel, m.DataOn, m.Load),
		fmt.Sprintf("%s, %s, %s", m.OpenSearch, m.Mosquitto, m.Go),
		fmt.Sprintf("%s documents of %s bytes, medians of %d rounds",
			grouped(fmt.Sprint(r.Documents)), grouped(fmt.Sprint(r.Size)), r.Rounds),
	}
}

// table has one row for each metric that was measured, below a row of titles.
func (r report) table() [][]string {
	out := [][]string{{"measure", "floor", "goal", "median", "reached", "rounds"}}
	for _, m := range rows() {
		all, ok := r.Values[m.key]
		if !ok {
			continue
		}
		var each []string
		for _, v := range all {
			each = append(each, m.format(v))
		}
		v := r.Medians[m.key]
		out = append(out, []string{m.title, m.bound(m.floor), m.bound(m.goal), m.format(v), m.verdict(v), strings.Join(each, " · ")})
	}
	return out
}

// The marks between which --write puts the results; what stands around them is
// written by people.
const (
	markBegin = "<!-- results: written by go run ./bench --write -->"
	markEnd   = "<!-- end of results -->"
)

// markdown is what stands between the marks.
func (r report) markdown() string {
	return fmt.Sprintf("%s\n\n%s.\n\n```sh\n%s\n```\n\n%s\n%s",
		markBegin, strings.Join(r.origin(), ". "), r.Command, markdownTable(r.table()), markEnd)
}

// writeFile replaces the results in a file.
func (r report) writeFile(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	changed, err := between(string(text), r.markdown())
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	return os.WriteFile(file, []byte(changed), 0o644) //nolint:gosec // to be read by everybody
}

// between puts marked text in the place of the marked text that is there.
func between(text, marked string) (string, error) {
	before, rest, begins := strings.Cut(text, markBegin)
	_, after, ends := strings.Cut(rest, markEnd)
	if !begins || !ends {
		return "", fmt.Errorf("the marks %s and %s are missing: nothing was written", markBegin, markEnd)
	}
	return before + marked + after, nil
}

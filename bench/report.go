package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// report is the outcome of all rounds.
type report struct {
	Date         time.Time            `json:"date"`
	Machine      machine              `json:"machine"`
	Rounds       int                  `json:"rounds"`
	Documents    int                  `json:"documents"`
	Size         int                  `json:"size_bytes"`
	Scale        counts               `json:"scale"`
	Backlogs     counts               `json:"backlogs"`
	Repositories int                  `json:"repositories"`
	Command      string               `json:"command"`
	Medians      map[string]float64   `json:"medians"`
	Values       map[string][]float64 `json:"values"`
}

func newReport(r *rig, rounds []values) report {
	out := report{
		Date: time.Now().UTC().Truncate(time.Second), Machine: r.machine, Command: r.opts.command(),
		Rounds: r.opts.rounds, Documents: r.opts.documents, Size: r.opts.size,
		Scale: r.opts.scale, Backlogs: r.opts.backlogs, Repositories: r.opts.repositories,
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
	if slices.Contains(o.only, stageScale) {
		words += fmt.Sprintf(" --scale %s --backlogs %s", &o.scale, &o.backlogs)
	}
	if slices.Contains(o.only, stagePages) {
		words += fmt.Sprintf(" --repositories %d", o.repositories)
	}
	return words
}

func (r report) writeJSON(to io.Writer) error {
	e := json.NewEncoder(to)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

func (r report) writeText(to io.Writer) error {
	text := "\n" + strings.Join(r.origin(), "\n") + "\n"
	for _, b := range r.blocks() {
		text += b.subject + "\n"
		for _, table := range b.tables {
			text += "\n" + aligned(table)
		}
	}
	_, err := io.WriteString(to, text)
	return err
}

// origin says in lines where the numbers come from.
func (r report) origin() []string {
	m := r.Machine
	return []string{
		fmt.Sprintf("%s, %d cores (%s), %.0f GiB, Linux %s, data directory on %s, load average %s in the minute before",
			r.Date.Format(time.DateOnly), m.Cores, m.CPU, m.MemoryGiB, m.Kernel, m.DataOn, m.Load),
		fmt.Sprintf("%s, %s, %s", m.OpenSearch, m.Mosquitto, m.Go),
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

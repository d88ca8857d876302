package main

// column is one of a table with a row for each number of messages.
type column struct {
	what string // of a key
	metric
}

// scaleTable shows what messages cost in runs of different lengths.
func (r report) scaleTable() [][]string {
	return r.byNumber("messages", r.Scale, streamKey, []column{
		{"rate", metric{title: "documents/s"}},
		{"each", metric{title: "CPU µs per message", decimals: 1}},
		{"peak", metric{title: "peak memory, MiB"}},
	})
}

// backlogTable shows what a start costs with different backlogs in the journal.
func (r report) backlogTable() [][]string {
	return r.byNumber("backlog", r.Backlogs, backlogKey, []column{
		{"start", metric{title: "start to ready, ms"}},
		{"memory", metric{title: "memory when ready, MiB"}},
		{"rate", metric{title: "drained, documents/s"}},
		{"each", metric{title: "CPU µs per message, start included", decimals: 1}},
		{"peak", metric{title: "peak memory, MiB"}},
	})
}

// byNumber has a row of medians for each number that was measured, below the titles.
func (r report) byNumber(title string, numbers counts, key func(n int, what string) string, columns []column) [][]string {
	titles := []string{title}
	for _, c := range columns {
		titles = append(titles, c.title)
	}
	table := [][]string{titles}
	for _, n := range numbers {
		row := []string{number(n)}
		for _, c := range columns {
			if v, ok := r.Medians[key(n, c.what)]; ok {
				row = append(row, c.format(v))
			}
		}
		if len(row) == len(titles) {
			table = append(table, row)
		}
	}
	return table
}

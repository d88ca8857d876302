package main

import (
	"fmt"
	"strconv"
	"strings"
)

// metric is a row of the table.
type metric struct {
	key, title string
	decimals   int
	// floor must hold and goal should; 0 for none. atMost says which side is good.
	floor, goal float64
	atMost      bool
}

func rows() []metric {
	return []metric{
		{key: "bulk_rate", title: "direct bulk, documents/s"},
		{key: "bare_rate", title: "bare QoS 1 subscriber, messages/s"},
		{key: "live_rate", title: "live, documents/s"},
		{key: "live_ratio", title: "live, ratio to direct bulk", decimals: 3, floor: 0.38, goal: 0.42},
		{key: "drain_rate", title: "draining a backlog, documents/s"},
		{key: "drain_ratio", title: "draining a backlog, ratio to direct bulk", decimals: 3, floor: 0.48, goal: 0.55},
		{key: "snapshot_rate", title: "live on a snapshot route, documents/s"},
		{key: "snapshot_ratio", title: "live on a snapshot route, ratio to direct bulk", decimals: 3},
		{key: "latency_p50", title: "single message to indexed, p50 ms", decimals: 1, floor: 3, goal: 3, atMost: true},
		{key: "latency_p90", title: "single message to indexed, p90 ms", decimals: 1},
		{key: "latency_p99", title: "single message to indexed, p99 ms", decimals: 1, floor: 10, goal: 10, atMost: true},
		{key: "direct_p50", title: "single document straight into OpenSearch, p50 ms", decimals: 1},
		{key: "direct_p99", title: "single document straight into OpenSearch, p99 ms", decimals: 1},
		{key: "live_cpu", title: "CPU seconds for 50,000 documents, live", decimals: 2, floor: 0.85, goal: 0.65, atMost: true},
		{key: "drain_cpu", title: "CPU seconds for 50,000 documents, received, then drained", decimals: 2},
		{key: "snapshot_cpu", title: "CPU seconds for 50,000 snapshots, live", decimals: 2},
		{key: "live_peak", title: "peak memory, live, MiB", floor: 128, goal: 64, atMost: true},
		{key: "drain_peak", title: "peak memory, draining, MiB", floor: 128, goal: 64, atMost: true},
		{key: "snapshot_peak", title: "peak memory, snapshot route, MiB", floor: 128, goal: 64, atMost: true},
		{key: "idle_memory", title: "idle memory, MiB", floor: 40, goal: 40, atMost: true},
		{key: "live_after", title: "memory 10 s after the live run, MiB"},
		{key: "idle_cpu", title: "idle, % of a core", decimals: 2, floor: 1, goal: 1, atMost: true},
		{key: "steady_cpu", title: "steady 1,000 messages/s, % of a core", decimals: 1, floor: 15, goal: 15, atMost: true},
		{key: "steady_p50", title: "steady 1,000 messages/s, p50 ms", decimals: 1},
		{key: "steady_p99", title: "steady 1,000 messages/s, p99 ms", decimals: 1, floor: 60, goal: 60, atMost: true},
	}
}

// verdict is what the project's own goals say about a value: "goal", "floor", "missed",
// or nothing where there is no goal.
func (m metric) verdict(v float64) string {
	reached := func(bound float64) bool {
		if m.atMost {
			return v <= bound
		}
		return v >= bound
	}
	switch {
	case m.goal == 0:
		return ""
	case reached(m.goal):
		return "goal"
	case reached(m.floor):
		return "floor"
	}
	return "missed"
}

// bound is a floor or a goal in words.
func (m metric) bound(v float64) string {
	switch {
	case v == 0:
		return ""
	case m.atMost:
		return "≤ " + strconv.FormatFloat(v, 'f', -1, 64)
	}
	return "≥ " + strconv.FormatFloat(v, 'f', -1, 64)
}

func (m metric) format(v float64) string { return grouped(strconv.FormatFloat(v, 'f', m.decimals, 64)) }

// grouped puts commas between the thousands of a number.
func grouped(number string) string {
	whole, fraction, _ := strings.Cut(number, ".")
	for at := len(whole) - 3; at > 0 && whole[at-1] != '-'; at -= 3 {
		whole = whole[:at] + "," + whole[at:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
}

// number is a whole number with its thousands grouped.
func number(n int) string { return grouped(strconv.Itoa(n)) }

// line shows values for the progress, in the order of the table.
func (v values) line() string {
	var parts []string
	for _, m := range rows() {
		if value, ok := v[m.key]; ok {
			parts = append(parts, fmt.Sprintf("%s %s", m.key, m.format(value)))
		}
	}
	return strings.Join(parts, "  ")
}

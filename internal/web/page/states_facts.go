package page

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"time"
)

func runFacts(f facts, report Report) []fact {
	last := report.Last
	if last == nil {
		return []fact{{Label: labelLastRun, value: value{Short: noteNoRun}}}
	}
	how := bySchedule
	if last.Manual {
		how = byHand
	}
	slot := clock(last.Slot)
	facts := []fact{
		{Label: labelSlot, value: slot, Note: how},
		{Label: labelEnded, value: moment(f.now, &last.Finished), Note: took(last.Finished.Sub(last.Started))},
		{Label: labelCollected, value: count(last.Succeeded), Note: alreadyThere(last.Skipped)},
		{Label: labelFailed, value: count(last.Failed)},
	}
	if last.Requests > 0 {
		facts = append(facts, fact{Label: labelRequests, value: count(last.Requests)})
	}
	if last.Unfinished != "" {
		facts = append(facts, fact{Label: labelUnfinished, value: value{Short: clipped(last.Unfinished)}})
	}
	if last.Err != "" && last.Err != last.Unfinished {
		facts = append(facts, fact{Label: labelError, value: value{Short: clipped(last.Err)}})
	}
	return facts
}

func scheduleFacts(now time.Time, s Schedule) []fact {
	facts := []fact{
		{Label: labelSchedule, value: value{Short: s.Spec}, Note: s.Timezone},
		{Label: labelNext, value: ahead(now, s.Next), Note: noteSlot(s.Next)},
	}
	if !s.Retry.IsZero() {
		facts = append(facts, fact{Label: labelRetry, value: ahead(now, s.Retry)})
	}
	if s.Skipped > 0 {
		facts = append(facts, fact{Label: labelPassedOver, value: count(s.Skipped), Note: noteOverlap})
	}
	return facts
}

// ahead is a time to come.
func ahead(now, t time.Time) value {
	if t.IsZero() {
		return value{Short: unknown}
	}
	return value{Short: until(t.Sub(now)), Exact: exactTime(t), Machine: t.UTC().Format(time.RFC3339)}
}

func count(n int) value {
	wide := int64(n)
	return exact(&wide)
}

func namespaceRows(now time.Time, listings []Listing) []namespaceRow {
	rows := make([]namespaceRow, len(listings))
	for i, l := range listings {
		rows[i] = namespaceRow{Namespace: l.Namespace, Rows: countOf(l.Rows, l.Total), Slot: moment(now, &l.Slot)}
		switch {
		case l.Truncated:
			rows[i].State = status{Level: levelBad, Text: stateTruncated, Help: cmp.Or(clipped(l.Message), stateTruncatedHelp)}
		case l.Rows < l.Total || l.Message != "":
			rows[i].State = status{Level: levelWarn, Text: stateNotWhole, Help: clipped(l.Message)}
		default:
			rows[i].State = status{Level: levelOK, Text: stateWhole}
		}
	}
	return rows
}

func partRows(now time.Time, parts []Part) []partRow {
	rows := make([]partRow, len(parts))
	for i, p := range parts {
		rows[i] = partRow{Name: p.Name, State: working(p.OK, p.Optional), Since: moment(now, &p.Since), Detail: clipped(p.Detail)}
	}
	return rows
}

func working(ok, optional bool) status {
	switch {
	case ok:
		return status{Level: levelOK, Text: stateOK}
	case optional:
		return status{Level: levelWarn, Text: stateAway}
	}
	return status{Level: levelBad, Text: stateAway}
}

func sinkRows(sinks []Sink) []sinkRow {
	rows := make([]sinkRow, len(sinks))
	for i, s := range sinks {
		rows[i] = sinkRow{
			Name: s.Name, Log: s.Log, State: working(s.OK, true),
			Behind: grouped(clamped(s.Behind)), Lag: lag(s.Lag), Refused: grouped(clamped(s.Refused)),
		}
	}
	return rows
}

func letterRows(counts map[string]int) []letterRow {
	rows := []letterRow{}
	for _, sink := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[sink]; n > 0 {
			rows = append(rows, letterRow{sink, grouped(int64(n)), "pulltrail deadletters list --sink " + sink})
		}
	}
	return rows
}

func storedFacts(r Report) []fact {
	waiting := value{Short: unknown}
	if r.Outbox != nil {
		waiting = count(*r.Outbox)
	}
	return []fact{
		{Label: labelOutbox, value: waiting, Note: noteOutbox},
		{Label: labelDatabase, value: size(r.Database)},
	}
}

func limitFacts(now time.Time, l *Limits) []fact {
	if l == nil {
		return []fact{{Label: labelLimit, value: value{Short: unknown}, Note: noteNoLimit}}
	}
	if !l.Reset.After(now) {
		return []fact{{Label: labelLimit, value: count(l.Limit), Note: noteLimitOver}}
	}
	used := max(l.Limit-l.Remaining, 0)
	return []fact{
		{Label: labelUsed, value: value{Short: countOf(used, l.Limit)}},
		{Label: labelReset, value: ahead(now, l.Reset)},
	}
}

func processFacts(now time.Time, version string, started time.Time) []fact {
	return []fact{
		{Label: labelVersion, value: value{Short: version}},
		{Label: labelUp, value: value{Short: uptime(now.Sub(started)), Exact: exactTime(started), Machine: started.UTC().Format(time.RFC3339)}},
	}
}

// clamped is n, or the largest int64.
func clamped(n uint64) int64 { return int64(min(n, math.MaxInt64)) }

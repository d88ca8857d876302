package page

import (
	"cmp"
	"slices"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
)

// storing is how long a snapshot may take from the end of its run into history
// before the page remarks on it.
const storing = time.Minute

// rows are those with the most pulls first, then those without any number, by name.
func (f *facts) rows() []row {
	outcomes := make(map[hub.Repository]*Outcome, len(f.run.Outcomes))
	for i, o := range f.run.Outcomes {
		outcomes[o.Repository] = &f.run.Outcomes[i]
	}
	tracked := make(map[hub.Repository]bool, len(f.tracked))
	for _, t := range f.tracked {
		tracked[t] = true
	}
	rows := make([]row, 0, len(f.stored)+len(f.tracked))
	for i, s := range f.stored {
		r := f.storedRow(s)
		r.State = f.state(&f.stored[i], outcomes[s.Repository], tracked[s.Repository])
		rows = append(rows, r)
		delete(tracked, s.Repository)
	}
	for t := range tracked {
		rows = append(rows, row{
			Repository: t, URL: hubURL(t),
			Pulls: number(nil), Stars: number(nil), Size: size(nil),
			LastPush: moment(f.now, nil), LastCollect: moment(f.now, nil),
			State: f.state(nil, outcomes[t], true),
		})
	}
	slices.SortFunc(rows, func(a, b row) int {
		return cmp.Or(known(b)-known(a), cmp.Compare(b.pulls, a.pulls),
			cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	})
	return rows
}

func known(r row) int {
	if r.known {
		return 1
	}
	return 0
}

func (f *facts) storedRow(s history.Repository) row {
	return row{
		Repository: s.Repository, URL: hubURL(s.Repository), Description: clipped(s.Newest.Description()),
		known: true, pulls: s.Newest.PullCount,
		Pulls: number(&s.Newest.PullCount), Stars: number(s.Newest.StarCount), Size: size(s.Newest.StorageSize),
		LastPush: moment(f.now, s.Newest.LastUpdated), LastCollect: moment(f.now, &s.Newest.Timestamp),
	}
}

// state says how one repository is doing: stored is its newest snapshot or nil,
// outcome what the last run made of it, nil when that was without it.
func (f *facts) state(stored *history.Repository, outcome *Outcome, tracked bool) status {
	switch {
	case outcome != nil && outcome.Gone:
		return status{Level: levelBad, Text: stateGone, Help: stateGoneHelp, Title: clipped(outcome.Message)}
	case outcome != nil && outcome.Cause != "":
		level := levelWarn
		help := causeWords(outcome.Cause).help
		if help != "" {
			level = levelBad
		}
		return status{Level: level, Text: stateFailing(outcome.Cause), Help: help, Title: clipped(outcome.Message)}
	case outcome != nil && f.overdue(stored):
		return status{Level: levelWarn, Text: stateOnItsWay}
	case stored == nil:
		return status{Level: levelIdle, Text: stateNever}
	case !tracked:
		return status{Level: levelIdle, Text: stateNotTracked}
	}
	return status{Level: levelOK, Text: stateOK}
}

// overdue reports whether the last run took a snapshot that ought to be in history
// by now and is not.
func (f *facts) overdue(stored *history.Repository) bool {
	there := stored != nil && !stored.Newest.Slot.Before(f.run.Slot)
	return !there && !f.run.Running && f.now.Sub(f.run.Finished) > storing
}

// hubURL is the repository's page on Docker Hub, where official images have an
// address of their own.
func hubURL(r hub.Repository) string {
	if r.Namespace == "library" {
		return "https://hub.docker.com/_/" + r.Name
	}
	return "https://hub.docker.com/r/" + r.String()
}

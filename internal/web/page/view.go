package page

import (
	"slices"
	"time"

	"pulltrail/internal/history"
	"pulltrail/internal/hub"
)

const (
	// maxRows bounds the table; maxText, in characters, what strangers have to say in
	// one place of it.
	maxRows = 2000
	maxText = 300
	// firstRefresh is how often the page reloads, in seconds, while it waits for the
	// first run to end.
	firstRefresh = 5
)

// The levels of a state, which are class names too. Bad is kept for what a person
// has to mend.
const (
	levelIdle = "idle"
	levelBusy = "busy"
	levelOK   = "ok"
	levelWarn = "warn"
	levelBad  = "bad"
)

// facts is all that a page is made of.
type facts struct {
	now     time.Time
	stored  []history.Repository
	tracked []hub.Repository
	run     Run // zero when there was none
	next    time.Time
	letters int // dead ones; 0 also where they cannot be counted

	private bool // private repositories may be shown
}

// view is what the template shows.
type view struct {
	frame
	Status  status
	Numbers []figure
	Notice  *notice
	Run     *notice
	Letters *notice
	Rows    []row
	Sum     *row
	More    string
}

// status is a state in words, its level shown as a dot.
type status struct{ Level, Text, Help, Title string }

// figure is one of the four numbers.
type figure struct {
	Label string
	value
	Note string
}

// row is one line of the table.
type row struct {
	hub.Repository
	URL, Description                          string
	Pulls, Stars, Size, LastPush, LastCollect value
	State                                     status

	known bool  // there is a snapshot
	pulls int64 // of it
}

func newView(around frame, f facts) view {
	if !f.private {
		f.hidePrivate()
	}
	rows := f.rows()
	t := totalOf(rows, f.stored)
	v := view{
		frame:   around,
		Status:  f.status(t),
		Notice:  f.notice(t),
		Numbers: f.numbers(t),
		Rows:    rows,
	}
	if len(f.run.Notes) > 0 {
		v.Run = noticeRun(f.run.Notes)
	}
	if f.letters > 0 {
		v.Letters = noticeDeadLetters(f.letters)
	}
	if v.Notice != nil && f.run.Running {
		v.Refresh = firstRefresh
	}
	if len(rows) > maxRows {
		v.Rows, v.More = rows[:maxRows], noteMore(len(rows)-maxRows)
	}
	if len(rows) > 1 && t.known > 0 {
		v.Sum = &row{Pulls: number(t.pulls.total), Stars: number(t.stars.total), Size: size(t.size.total)}
	}
	return v
}

// hidePrivate takes private repositories out of everything, before anything is
// counted.
func (f *facts) hidePrivate() {
	private := make(map[hub.Repository]bool)
	for _, s := range f.stored {
		if s.Private || s.Newest.Private {
			private[s.Repository] = true
		}
	}
	if len(private) == 0 {
		return
	}
	// The slices belong to others: Clone before Delete.
	f.stored = slices.DeleteFunc(slices.Clone(f.stored), func(s history.Repository) bool { return private[s.Repository] })
	f.tracked = slices.DeleteFunc(slices.Clone(f.tracked), func(r hub.Repository) bool { return private[r] })
	f.run.Outcomes = slices.DeleteFunc(slices.Clone(f.run.Outcomes), func(o Outcome) bool { return private[o.Repository] })
}

// total is what the rows come to.
type total struct {
	pulls, stars, size          sum
	rows, known, notStored, bad int
	newest                      time.Time // the last observation of any repository
}

func totalOf(rows []row, stored []history.Repository) total {
	t := total{rows: len(rows)}
	for _, r := range rows {
		if r.known {
			t.known++
		}
		switch {
		case r.State.Text == stateOnItsWay:
			t.notStored++
		case r.State.Level == levelBad:
			t.bad++
		}
	}
	for _, s := range stored {
		t.pulls.add(&s.Newest.PullCount)
		t.stars.add(s.Newest.StarCount)
		t.size.add(s.Newest.StorageSize)
		if s.Newest.Timestamp.After(t.newest) {
			t.newest = s.Newest.Timestamp
		}
	}
	return t
}

func (f *facts) notice(t total) *notice {
	switch {
	case t.rows == 0:
		return noticeNoRepositories()
	case t.known == 0 && f.run.Finished.IsZero():
		return noticeFirstMinute(f.run.Running, f.nextRun())
	}
	return nil
}

func (f *facts) numbers(t total) []figure {
	rows := int64(t.rows)
	repositories := figure{Label: labelRepositories, value: number(&rows)}
	if missing := t.rows - t.known; missing > 0 {
		repositories.Note = noteWaiting(missing)
	}
	return []figure{
		exactly(figure{Label: labelPulls, value: number(t.pulls.total)}),
		exactly(figure{Label: labelStars, value: number(t.stars.total)}),
		repositories,
		f.lastRun(),
	}
}

// exactly puts the exact number below a shortened one.
func exactly(g figure) figure {
	g.Note = g.Exact
	return g
}

func (f *facts) lastRun() figure {
	g := figure{Label: labelLastRun, value: value{Short: unknown}}
	switch {
	case !f.run.Finished.IsZero():
		of := len(f.run.Outcomes)
		g.Short = runResult(of-f.failed(), of)
		g.Note = f.run.Finished.UTC().Format("2 Jan 15:04")
	case f.run.Running:
		g.Note = noteRunning
	default:
		g.Note = noteNoRun
	}
	return g
}

// clipped is s, cut where it is too long for its place.
func clipped(s string) string {
	n := 0
	for i := range s {
		if n == maxText {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

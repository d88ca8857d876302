package cli

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"

	"pulltrail/internal/transfer"
)

// lineEvery is how often there is a line where no bar can be shown.
const lineEvery = 10 * time.Second

// meter shows how far something is: on a terminal a bar with its rate and the time that
// remains, elsewhere a line now and then.
type meter struct {
	w      io.Writer // nil: shown nowhere
	isTerm bool
	every  time.Duration
	bar    *progressbar.ProgressBar
	last   time.Time
}

func newMeter(w io.Writer, quiet bool) *meter {
	if quiet {
		return &meter{}
	}
	f, ok := w.(*os.File)
	return &meter{w: w, isTerm: ok && term.IsTerminal(int(f.Fd())), every: lineEvery, last: time.Now()}
}

func (m *meter) show(p transfer.Progress) {
	switch {
	case m.w == nil:
	case m.isTerm:
		m.showBar(p)
	case time.Since(m.last) >= m.every:
		m.last = time.Now()
		fmt.Fprintf(m.w, "pulltrail: %s\n", far(p))
	}
}

// showBar draws; what a terminal does not take is nobody's loss.
func (m *meter) showBar(p transfer.Progress) {
	if m.bar == nil {
		rate := progressbar.OptionShowIts()
		if p.Bytes {
			rate = progressbar.OptionShowBytes(true) // it has a rate of its own
		}
		m.bar = progressbar.NewOptions64(p.Total, rate, progressbar.OptionSetItsString("documents"),
			progressbar.OptionSetWriter(m.w), progressbar.OptionShowCount(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionSetWidth(24),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetSpinnerChangeInterval(0))
	}
	if p.Total >= 0 && p.Total != m.bar.GetMax64() {
		m.bar.ChangeMax64(p.Total)
	}
	_ = m.bar.Set64(p.Done)
}

// clear makes room for a line of text.
func (m *meter) clear() {
	if m.bar != nil {
		_ = m.bar.Clear()
	}
}

// far is such as "12,000 of 40,000 documents".
func far(p transfer.Progress) string {
	unit := "documents"
	if p.Bytes {
		unit = "bytes"
	}
	if p.Total < 0 {
		return fmt.Sprintf("%s %s", grouped(&p.Done), unit)
	}
	return fmt.Sprintf("%s of %s %s", grouped(&p.Done), grouped(&p.Total), unit)
}

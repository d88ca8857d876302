package reply

import (
	"context"
	"log/slog"
	"sync/atomic"
)

// Reads tells the log when reading history begins to fail and when it works again,
// however many requests there are in between.
type Reads struct {
	// Who reads, such as "the API".
	Who     string
	Log     *slog.Logger
	failing atomic.Bool
}

// Failed is told each failure, with the context of the request.
func (l *Reads) Failed(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return // the reader has gone, which says nothing of history
	}
	if !l.failing.Swap(true) {
		l.Log.Error("web: "+l.Who+" cannot read history", "err", err)
	}
}

// Worked is told each success.
func (l *Reads) Worked() {
	if l.failing.Swap(false) {
		l.Log.Info("web: " + l.Who + " can read history again")
	}
}

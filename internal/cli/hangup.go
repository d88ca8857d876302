package cli

import (
	"context"
	"io"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/term"
)

// hangups are the SIGHUPs that ask for the configuration to be read anew. The signal also
// comes when the terminal is closed that a daemon was started on: then the context ends.
func hangups(ctx context.Context, lost func() bool) (context.Context, <-chan os.Signal) {
	ctx, end := context.WithCancel(ctx)
	signals, asked := make(chan os.Signal, 1), make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGHUP)
	go func() {
		defer end()
		defer signal.Stop(signals)
		for {
			select {
			case <-ctx.Done():
				return
			case s := <-signals:
				if lost() {
					return
				}
				select {
				case asked <- s:
				default: // one waits already, and will find the newest file
				}
			}
		}
	}()
	return ctx, asked
}

// lostTerminal tells whether w was a terminal and is none any more.
func lostTerminal(w io.Writer) func() bool {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return func() bool { return false }
	}
	return func() bool { return !term.IsTerminal(int(f.Fd())) }
}

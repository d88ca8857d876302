package collector

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"time"
)

// failing are the repositories and namespaces that had no success since their last failure.
// What goes on is a state: it is logged when it begins, changes and ends, and at the level
// debug in each run meanwhile.
type failing map[string]lapse

// lapse is why one fails.
type lapse struct {
	cause Cause
	told  bool // in a warning; its end is worth a line then
}

// log says how one has fared; a success has no err. What many hushes is said at the level
// debug; without many, each has a line of its own.
func (f failing) log(to *slog.Logger, kind, name string, cause Cause, err error, many crowd, rest ...any) {
	before, known := f[name]
	level := slog.LevelDebug
	switch {
	case err == nil && !known:
		return
	case err == nil:
		delete(f, name)
		if before.told {
			level = slog.LevelInfo
		}
		to.Log(context.Background(), level, words[kind].mended, append([]any{kind, name}, rest...)...)
		return
	case !known || before.cause != cause:
		told := !many.hushes(cause, err)
		f[name] = lapse{cause, told}
		if told {
			level = slog.LevelWarn
		}
	}
	to.Log(context.Background(), level, words[kind].fails, append(append([]any{kind, name}, rest...), "cause", string(cause), "err", err)...)
}

// words are those of the log.
var words = map[string]struct{ fails, mended string }{
	"repository": {"repository failed", "repository recovered"},
	"namespace":  {"namespace listed incompletely", "namespace listed completely again"},
}

// errUnlisted is why repositories fail whose namespace could not be listed, of which the log
// has a line.
var errUnlisted = errors.New("the listing of its namespace failed")

// spokesmen are how many repositories have a line of their own where many fail in a run for
// one reason that is none of theirs.
const spokesmen = 5

// crowd counts, in a run, the repositories that begin to fail for such a reason: when Docker
// Hub is away, all do. The first few are warned of one by one, the others together.
type crowd map[Cause]int

// hushes reports whether a repository that begins to fail has no line of its own.
func (c crowd) hushes(cause Cause, err error) bool {
	if errors.Is(err, errUnlisted) {
		return true
	}
	if c == nil || !general(cause) {
		return false
	}
	c[cause]++
	return c[cause] > spokesmen
}

// log has one line for those of each cause that had none.
func (c crowd) log(to *slog.Logger, slot time.Time) {
	for _, cause := range slices.Sorted(maps.Keys(c)) {
		if more := c[cause] - spokesmen; more > 0 {
			to.Warn("more repositories failed for the same reason", "repositories", more, "slot", slot, "cause", string(cause))
		}
	}
}

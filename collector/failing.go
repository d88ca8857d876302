package collector

import (
	"context"
	"log/slog"
)

// failing are the repositories and namespaces that had no success since their last failure,
// by its cause. What goes on is a state: it is logged when it begins, changes and ends, and
// at the level debug in each run meanwhile.
type failing map[string]Cause

// log says how one has fared; a success has no err.
func (f failing) log(to *slog.Logger, kind, name string, cause Cause, err error, rest ...any) {
	before, known := f[name]
	switch {
	case err == nil && !known:
		return
	case err == nil:
		delete(f, name)
		to.Info(words[kind].mended, append([]any{kind, name}, rest...)...)
		return
	}
	f[name] = cause
	level := slog.LevelWarn
	if known && before == cause {
		level = slog.LevelDebug
	}
	to.Log(context.Background(), level, words[kind].fails, append(append([]any{kind, name}, rest...), "cause", string(cause), "err", err)...)
}

// words are those of the log.
var words = map[string]struct{ fails, mended string }{
	"repository": {"repository failed", "repository answers again"},
	"namespace":  {"namespace not listed whole", "namespace listed whole again"},
}

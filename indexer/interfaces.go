package indexer

import (
	"context"
	"errors"

	"pulltrail/internal/document"
)

// Log is what a Follower follows. It is safe for concurrent use.
type Log interface {
	// Read returns the entries behind after, in order: at most limit, and no more than
	// maxBytes of payload but at least one. None means that there is none yet. Only
	// durable entries are returned.
	Read(ctx context.Context, after document.Position, limit int, maxBytes int64) ([]document.Entry, error)
	// Notify returns the channel that is closed at the next append after this call.
	// So it is called before Read and waited on after it.
	Notify() <-chan struct{}
	// Head is the position of the newest entry; zero for an empty log.
	Head(ctx context.Context) (document.Position, error)
}

// Sink is a database. It is safe for concurrent use.
type Sink interface {
	// Write stores documents that it does not have yet. results[i] belongs to docs[i]:
	// nil says stored or already there; document.IsPermanent, refused for good;
	// ErrForbidden, a permission is missing; ErrUnavailable, its index takes no writes for
	// now, which says nothing of other indices; any other, try again. The second value
	// says that the whole request failed and nothing is known to be stored. Both kinds
	// of error may name their cause for the metrics by a method Cause() string.
	Write(ctx context.Context, docs []document.Document) (results []error, err error)
	// Ping says why the sink cannot be used at present; nil when it answers.
	Ping(ctx context.Context) error
	// String is the sink's name in cursors, dead letters and metrics.
	String() string
}

// Cursors keep how far a sink has followed a log.
type Cursors interface {
	// Cursor is zero where there is none yet.
	Cursor(ctx context.Context, sink, log string) (document.Position, error)
	// SetCursor is durable when it returns.
	SetCursor(ctx context.Context, sink, log string, position document.Position) error
}

// DeadLetters keep what a sink has refused.
type DeadLetters interface {
	// Put is durable when it returns. A letter whose key is there is left as it is. An
	// error, for example because there is no room, means that none is known to be kept.
	Put(ctx context.Context, letters ...document.DeadLetter) error
	// Forbidden returns letters of a sink that are marked so, at most limit.
	Forbidden(ctx context.Context, sink string, limit int) ([]document.DeadLetter, error)
	// Refuse gives letters that are kept a new reason, time and mark.
	Refuse(ctx context.Context, letters ...document.DeadLetter) error
	// Remove forgets letters by their keys; unknown keys are fine.
	Remove(ctx context.Context, letters ...document.DeadLetter) error
}

// ErrForbidden says that a permission is missing: granting it mends the matter.
var ErrForbidden = errors.New("a permission is missing")

// ErrUnavailable says that the index of a document takes no writes for now: it is red,
// closed, read-only, or cannot be created.
var ErrUnavailable = errors.New("the index takes no writes for now")

// ErrSkip says that an entry is not to be stored. It is an empty message, which clears a
// retained one; or a retained message that the broker sends at each subscription, on a
// route where each message is a document of its own.
var ErrSkip = errors.New("an empty message, or a replayed one that is kept already")

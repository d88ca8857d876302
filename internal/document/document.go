// Package document is the vocabulary that the parts of Pulltrail share when they
// hand messages to one another: what came from the broker (Message), what a log
// holds (Entry), what a sink stores (Document), and what could not be stored
// (DeadLetter).
//
// It imports the standard library only, holds no state and does no I/O.
package document

import (
	"errors"
	"time"
)

// Position numbers the entries of one log, from 1, without ever being reused.
// Zero stands before the first entry, so it is where a new cursor begins.
type Position uint64

// Message is one MQTT application message as it was received.
type Message struct {
	Topic   string
	Payload []byte
	// Retained says that the broker replayed a stored message when the
	// subscription was made, rather than passing on a new one.
	Retained bool
	// Received is the time of receipt by this process, in UTC.
	Received time.Time
}

// Outcome is what a store made of one message of a batch.
type Outcome struct {
	// ID identifies what was stored; empty where the store knows no identity.
	ID string
	// Already says that it was stored before, and that nothing has changed by it.
	Already bool
	// Err says why the message was refused for good; nil when it is durable.
	Err error
}

// Pending is a snapshot that was taken but is not known to have arrived yet.
type Pending struct {
	// ID is "namespace/name@slot".
	ID              string
	Namespace, Name string
	Slot            time.Time
	Payload         []byte
	// NewestOfRepository and NewestOfAll say that no snapshot with a later slot was
	// ever taken: of this repository, of any.
	NewestOfRepository, NewestOfAll bool
}

// Entry is one message in a log.
type Entry struct {
	Message
	Position Position
}

// Document is one JSON object on its way into an index.
type Document struct {
	// Index is the resolved index name.
	Index string
	// IndexBody is what the index is created with (settings and mappings) should
	// it be missing; nil lets the database choose.
	IndexBody []byte
	// ID makes a repeated write harmless: an existing ID is never overwritten.
	ID   string
	Body []byte
}

// ReceiptLog is the DeadLetter.Log of a message that a store rejected on receipt, so that
// it never had a place in a log.
const ReceiptLog = "mqtt"

// DeadLetter is a message that a store or a sink has refused.
// Its key is Sink, Log and Position.
type DeadLetter struct {
	// Sink names who refused it: "history" or a sink such as "opensearch".
	Sink string
	// Log names where it stood: ReceiptLog, "history" or "journal".
	Log      string
	Position Position
	Message
	// Reason is one sentence for a person.
	Reason string
	// At is when it was refused, in UTC.
	At time.Time
	// Forbidden marks a refusal for a missing permission, which is retried by
	// itself because granting the permission mends it.
	Forbidden bool
}

type permanent struct{ error }

func (permanent) Permanent() bool { return true }
func (p permanent) Unwrap() error { return p.error }

// Permanent marks err as one that a retry cannot mend.
func Permanent(err error) error { return permanent{err} }

// IsPermanent reports whether err, or an error it wraps, says of itself that a
// retry cannot mend it.
func IsPermanent(err error) bool {
	var p interface{ Permanent() bool }
	return errors.As(err, &p) && p.Permanent()
}

package transfer

import "context"

// maxDocument bounds a line of a file and a document of an index, in bytes.
const maxDocument = 1 << 20

// Source yields what is to be imported, one after the other.
type Source interface {
	// Name identifies the source, and its content as far as that is possible, without
	// secrets; empty for one that cannot be taken up again, such as standard input.
	Name() string
	// Resume lets the source begin at a place that an Item had. It is called before Next,
	// or never.
	Resume(place string) error
	// Next is the next item. The error is io.EOF at the end; any other ends the import.
	Next(ctx context.Context) (Item, error)
	// Progress is how far it is.
	Progress() Progress
	// Notes are what a person should know of the source as a whole.
	Notes() []string
	Close() error
}

// Fate is what a source makes of an item.
type Fate int

// The fates.
const (
	Snapshot Fate = iota // it is to be stored
	Passed               // it was stored before the import was broken off
	Double               // it says again what an item before has said
	Refused              // it is wrong, and somebody should mend it
	Skipped              // it is something else, and may stay where it is
)

// Item is a row or a document.
type Item struct {
	Fate Fate
	// Payload is the snapshot on the wire.
	Payload []byte
	// Where it stands, for people: "line 7", "index/id".
	Where string
	// Place is how far the source is when this item is stored, for Resume; empty where it
	// cannot say.
	Place string
	// Reason says why it is refused or skipped.
	Reason string
}

// Progress is how far a source is, in bytes or documents. Total is -1 where it is not known.
type Progress struct {
	Done, Total int64
	Bytes       bool
}

package control

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"pulltrail/internal/document"
)

// MaxPage is the most dead letters of one answer of DeadLetters.
const MaxPage = 1000

// ErrNoLetter says that there is no dead letter of that id (any more).
var ErrNoLetter = errors.New("there is no such dead letter")

// Letters is what the daemon lets commands do about the messages that were
// refused.
type Letters interface {
	// DeadLetters returns a page of letters without their payloads, in the order in
	// which they were refused first. The limit is from 1 to MaxPage.
	DeadLetters(ctx context.Context, query LetterQuery) (LetterPage, error)
	// DeadLetter returns one letter with its payload; the error is ErrNoLetter where
	// there is none.
	DeadLetter(ctx context.Context, id LetterID) (Letter, error)
	// RetryDeadLetters tries letters again, each once and where it was refused, by the
	// configuration of today. It calls progress for each, one at a time.
	RetryDeadLetters(ctx context.Context, which Selection, progress func(Retried)) (RetrySummary, error)
	// DropDeadLetters forgets letters for good.
	DropDeadLetters(ctx context.Context, which Selection) (Dropped, error)
}

// LetterID is the key of a dead letter. Its text is such as "opensearch/journal/42".
type LetterID struct {
	Sink, Log string
	Position  document.Position
}

// ParseLetterID reads the text of an id.
func ParseLetterID(text string) (LetterID, error) {
	sink, rest, _ := strings.Cut(text, "/")
	log, number, _ := strings.Cut(rest, "/")
	position, err := strconv.ParseUint(number, 10, 64)
	if sink == "" || log == "" || err != nil {
		return LetterID{}, fmt.Errorf("%q is not the id of a dead letter, which is such as opensearch/journal/42", text)
	}
	return LetterID{Sink: sink, Log: log, Position: document.Position(position)}, nil
}

func (id LetterID) String() string {
	return id.Sink + "/" + id.Log + "/" + strconv.FormatUint(uint64(id.Position), 10)
}

// MarshalText is String.
func (id LetterID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText is ParseLetterID.
func (id *LetterID) UnmarshalText(text []byte) (err error) {
	*id, err = ParseLetterID(string(text))
	return err
}

// Letter is a dead letter.
type Letter struct {
	ID    LetterID `json:"id"`
	Topic string   `json:"topic"`
	// Reason is why it was refused, when it was tried last.
	Reason string `json:"reason"`
	// Refused and Received are when it was refused last, and when it came in.
	Refused  time.Time `json:"refused"`
	Received time.Time `json:"received"`
	// Retained says that the broker had it in store when we subscribed.
	Retained bool `json:"retained"`
	// RetriedByItself says that it waits for a permission, and is tried again until
	// that is granted.
	RetriedByItself bool `json:"retried_by_itself"`
	// Size is how many bytes of payload are kept.
	Size int64 `json:"size"`
	// Payload is there when one letter was asked for.
	Payload []byte `json:"payload,omitempty"`
}

// LetterQuery asks for a page of the letters of a sink, of all where it is empty.
type LetterQuery struct {
	Sink          string
	Limit, Offset int
}

// LetterPage is a page of letters.
type LetterPage struct {
	Letters []Letter `json:"letters"`
	// Total is how many there are on all pages.
	Total int `json:"total"`
	// Through is the place of the newest letter of all; see Selection.
	Through int64 `json:"through"`
}

// Selection names letters: those of IDs where there are any, or else those of Sink, or
// else, with All, all.
type Selection struct {
	IDs  []LetterID `json:"ids,omitempty"`
	Sink string     `json:"sink,omitempty"`
	All  bool       `json:"all,omitempty"`
	// Through, where set, leaves out letters of Sink or All that came after a page
	// with this place was made: nobody has seen them.
	Through int64 `json:"through,omitempty"`
}

func (s Selection) validate() error {
	if len(s.IDs) == 0 && s.Sink == "" && !s.All {
		return errors.New("no dead letters are named")
	}
	return nil
}

// Fate is what became of a letter that was tried again.
type Fate string

// The fates.
const (
	Stored  Fate = "stored"  // and is no dead letter any more
	Refused Fate = "refused" // and is kept with a new reason
	Left    Fate = "left"    // as it was: it could not be tried, or not to an end
)

// Retried is what became of one letter.
type Retried struct {
	ID   LetterID `json:"id"`
	Fate Fate     `json:"fate"`
	// Reason says why it is not stored.
	Reason string `json:"reason,omitempty"`
}

// RetrySummary counts letters by their fates.
type RetrySummary struct {
	Stored  int `json:"stored"`
	Refused int `json:"refused"`
	Left    int `json:"left"`
}

// Add counts one more.
func (s *RetrySummary) Add(fate Fate) {
	switch fate {
	case Stored:
		s.Stored++
	case Refused:
		s.Refused++
	case Left:
		s.Left++
	}
}

// Dropped is what became of letters that were to be forgotten.
type Dropped struct {
	Count int `json:"count"`
	// Missing are those of the ids that there was no letter of.
	Missing []LetterID `json:"missing,omitempty"`
}

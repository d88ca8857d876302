package control

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var letter = Letter{
	ID: LetterID{Sink: "opensearch", Log: "journal", Position: math.MaxUint64}, Topic: "sensors/é/1", Reason: "no",
	Refused: time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC), Received: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	Retained: true, RetriedByItself: true, Size: 3,
}

// letterbox is a Daemon with one dead letter.
type letterbox struct {
	Backups
	Curves
	Indices
	Collector
	Reloader
	Archive
	fail  error
	query LetterQuery
	which Selection
}

func (b *letterbox) DeadLetters(_ context.Context, query LetterQuery) (LetterPage, error) {
	b.query = query
	return LetterPage{Letters: []Letter{letter}, Total: 7, Through: math.MaxInt64}, b.fail
}

func (b *letterbox) DeadLetter(_ context.Context, id LetterID) (Letter, error) {
	if id != letter.ID {
		return Letter{}, fmt.Errorf("%w: %s", ErrNoLetter, id)
	}
	whole := letter
	whole.Payload = []byte("\x00\xff{")
	return whole, b.fail
}

func (b *letterbox) RetryDeadLetters(_ context.Context, which Selection, progress func(Retried)) (RetrySummary, error) {
	b.which = which
	progress(Retried{ID: letter.ID, Fate: Stored})
	progress(Retried{ID: letter.ID, Fate: Left, Reason: "away"})
	return RetrySummary{Stored: 1, Left: 1}, b.fail
}

func (b *letterbox) DropDeadLetters(_ context.Context, which Selection) (Dropped, error) {
	b.which = which
	return Dropped{Count: 3, Missing: []LetterID{letter.ID}}, b.fail
}

func TestLettersAreListed(t *testing.T) {
	b := &letterbox{}
	c := NewClient(serve(t, b))
	query := LetterQuery{Sink: "a&b=c", Limit: MaxPage, Offset: 3}
	page, err := c.DeadLetters(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(LetterPage{Letters: []Letter{letter}, Total: 7, Through: math.MaxInt64}, page); diff != "" {
		t.Error(diff)
	}
	if b.query != query {
		t.Errorf("asked for %+v", b.query)
	}
	for name, query := range map[string]LetterQuery{
		"no limit":          {},
		"too high a limit":  {Limit: MaxPage + 1},
		"a negative offset": {Limit: 1, Offset: -1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := c.DeadLetters(t.Context(), query); err == nil || !strings.Contains(err.Error(), "400") {
				t.Errorf("DeadLetters = %v", err)
			}
		})
	}
}

func TestALetterIsShownWithItsPayload(t *testing.T) {
	c := NewClient(serve(t, &letterbox{}))
	want := letter
	want.Payload = []byte("\x00\xff{")
	got, err := c.DeadLetter(t.Context(), letter.ID)
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if _, err := c.DeadLetter(t.Context(), LetterID{Sink: "a", Log: "b"}); !errors.Is(err, ErrNoLetter) {
		t.Errorf("one that is not there: %v", err)
	}
}

func TestLettersAreTriedAgain(t *testing.T) {
	b := &letterbox{}
	c := NewClient(serve(t, b))
	which := Selection{IDs: []LetterID{letter.ID, {Sink: "a", Log: "b", Position: 1}}}
	var retried []Retried
	summary, err := c.RetryDeadLetters(t.Context(), which, func(r Retried) { retried = append(retried, r) })
	if err != nil || summary != (RetrySummary{Stored: 1, Left: 1}) {
		t.Errorf("%+v, %v", summary, err)
	}
	if diff := cmp.Diff([]Retried{{ID: letter.ID, Fate: Stored}, {ID: letter.ID, Fate: Left, Reason: "away"}}, retried); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(which, b.which); diff != "" {
		t.Error(diff)
	}
}

func TestLettersAreDropped(t *testing.T) {
	b := &letterbox{}
	c := NewClient(serve(t, b))
	which := Selection{Sink: "opensearch", Through: math.MaxInt64}
	dropped, err := c.DropDeadLetters(t.Context(), which)
	if diff := cmp.Diff(Dropped{Count: 3, Missing: []LetterID{letter.ID}}, dropped); diff != "" || err != nil {
		t.Errorf("%v\n%s", err, diff)
	}
	if diff := cmp.Diff(which, b.which); diff != "" {
		t.Error(diff)
	}
}

func TestNoLettersAreChangedWhereNoneAreNamed(t *testing.T) {
	b := &letterbox{}
	path := serve(t, b)
	c := NewClient(path)
	if _, err := c.DropDeadLetters(t.Context(), Selection{Through: 1}); err == nil {
		t.Error("dropped")
	}
	if _, err := c.RetryDeadLetters(t.Context(), Selection{}, func(Retried) {}); err == nil {
		t.Error("tried again")
	}
	for _, body := range []string{"", "[", `{"ids": ["a/b"]}`, `{"ids": ["` + strings.Repeat("a", maxRequest) + `/b/1"]}`} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://daemon/deadletters/drop", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		response, err := c.http.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusBadRequest {
			t.Errorf("%.20s: %s, %v", body, response.Status, err)
		}
	}
	if diff := cmp.Diff(Selection{}, b.which); diff != "" {
		t.Error(diff)
	}
}

func TestTheReasonOfAFailureReachesTheCommand(t *testing.T) {
	for name, path := range map[string]string{
		"a daemon that cannot": serve(t, &letterbox{fail: errors.New("the disk is full")}),
		"no daemon":            filepath.Join(t.TempDir(), "control.sock"),
	} {
		t.Run(name, func(t *testing.T) {
			c := NewClient(path)
			_, errList := c.DeadLetters(t.Context(), LetterQuery{Limit: 1})
			_, errShow := c.DeadLetter(t.Context(), letter.ID)
			_, errRetry := c.RetryDeadLetters(t.Context(), Selection{All: true}, func(Retried) {})
			_, errDrop := c.DropDeadLetters(t.Context(), Selection{All: true})
			for _, err := range []error{errList, errShow, errRetry, errDrop} {
				if name == "no daemon" && !errors.Is(err, ErrNoDaemon) || name != "no daemon" && (err == nil || !strings.Contains(err.Error(), "the disk is full")) {
					t.Errorf("%v", err)
				}
			}
		})
	}
}

func TestAnIDIsReadAsItIsWritten(t *testing.T) {
	for _, text := range []string{"opensearch/journal/42", "history/mqtt/18446744073709551615", "a/b/0"} {
		id, err := ParseLetterID(text)
		if err != nil || id.String() != text {
			t.Errorf("%s became %s, %v", text, id, err)
		}
	}
	for _, text := range []string{"", "42", "a/42", "a/b/", "a/b/x", "a/b/-1", "a/b/18446744073709551616", "/b/1", "a//1", "a/b/1/2"} {
		if id, err := ParseLetterID(text); err == nil || !strings.Contains(err.Error(), "opensearch/journal/42") {
			t.Errorf("%q became %s, %v", text, id, err)
		}
	}
}

package indexer

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"

	"pulltrail/internal/document"
)

func TestLettersAreTriedAgainWhenAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		no, wrong := fmt.Errorf("%w: no", ErrForbidden), document.Permanent(errors.New("wrong type"))
		b := follow(t, nil)
		defer b.stop()
		letters := []document.DeadLetter{
			deadLetter(1, "s"), deadLetter(2, "s"), deadLetter(3, "s"), deadLetter(4, "s"), deadLetter(5, "s"), deadLetter(6, "elsewhere"),
		}
		letters[4].Forbidden = true
		_ = b.letters.Put(t.Context(), letters...)
		b.sink.set(func(s *memorySink) {
			s.refuse["log-2"] = []error{wrong}
			s.refuse["log-3"] = []error{no}
			s.refuse["log-4"] = []error{errors.New("429")}
			s.refuse["log-5"] = []error{no}
		})
		r, err := b.follower.Redeliver(t.Context(), letters)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range []struct {
			what string
			got  []document.DeadLetter
			want []string
		}{
			{"stored", r.Stored, []string{"1 before false"}},
			// 3 is forbidden by now, so from now on it is tried again by itself.
			{"refused", r.Refused, []string{"6 no route matches topic elsewhere false", "2 wrong type false", "3 a permission is missing: no true"}},
			{"left", r.Left, []string{"4 429 false", "5 a permission is missing: no true"}},
			{"kept", b.letters.all(), []string{
				"2 wrong type false", "3 a permission is missing: no true", "4 before false", "5 before true",
				"6 no route matches topic elsewhere false",
			}},
		} {
			var got []string
			for _, l := range c.got {
				got = append(got, fmt.Sprintf("%d %s %v", l.Position, l.Reason, l.Forbidden))
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: %q, want %q", c.what, got, c.want)
			}
		}
		b.expectStored(t, 1)
	})
}

func TestLettersStayAsTheyWereWhileTheSinkIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := follow(t, nil)
		defer b.stop()
		letters := []document.DeadLetter{deadLetter(1, "s"), deadLetter(2, "elsewhere")}
		_ = b.letters.Put(t.Context(), letters...)
		down := errors.New("away")
		b.sink.set(func(s *memorySink) { s.down = down })
		if r, err := b.follower.Redeliver(t.Context(), letters); !errors.Is(err, down) || len(r.Refused) > 0 {
			t.Errorf("Redeliver = %v, %v", r, err)
		}
		for _, l := range b.letters.all() {
			if l.Reason != "before" {
				t.Errorf("%d has the reason %q", l.Position, l.Reason)
			}
		}
	})
}

func deadLetter(position document.Position, topic string) document.DeadLetter {
	return document.DeadLetter{
		Sink: "memory", Log: "journal", Position: position, Reason: "before",
		Message: document.Message{Topic: topic, Payload: fmt.Appendf(nil, `{"n":%d}`, position)},
	}
}

package indexer

import (
	"context"
	"errors"
	"slices"
	"time"

	"pulltrail/internal/document"
)

const (
	// The pauses between two rounds over the forbidden letters: about a minute,
	// doubling while nobody grants the permission.
	firstRound = time.Minute
	longRound  = 8 * time.Minute
	// maxRound bounds the letters of one round.
	maxRound = 1000
)

// redeliver tries the forbidden dead letters of this log again, by the routes of
// today, until ctx is done. Its failures are no state of the follower: the letters
// are safe where they are.
func (f *Follower) redeliver(ctx context.Context) {
	rounds := newBackoff(firstRound, longRound)
	for pause(ctx, rounds.NextBackOff()) == nil {
		r, err := f.redeliverOnce(ctx)
		if err != nil {
			f.log.Debug("cannot retry forbidden dead letters", "err", err)
			continue
		}
		if len(r.Stored) > 0 {
			f.log.Info("forbidden dead letters stored on retry", "count", len(r.Stored), "left", len(r.Left))
		}
		if len(r.Refused) > 0 {
			f.log.Warn("forbidden dead letters rejected for another reason", "count", len(r.Refused), "err", r.Refused[0].Reason)
		}
		if len(r.Stored) > 0 || len(r.Left) == 0 {
			rounds.Reset()
		}
	}
}

// redeliverOnce tries each forbidden letter of this log once. One that is refused for
// good by now is not tried again by itself.
func (f *Follower) redeliverOnce(ctx context.Context) (Redelivery, error) {
	all, err := f.opts.DeadLetters.Forbidden(ctx, f.sink, maxRound)
	if err != nil {
		return Redelivery{}, err
	}
	return f.Redeliver(ctx, slices.DeleteFunc(all, func(l document.DeadLetter) bool {
		return l.Log != f.opts.Name // another follower's
	}))
}

// Redelivery is what became of dead letters that were tried again.
type Redelivery struct {
	// Stored were stored and are forgotten.
	Stored []document.DeadLetter
	// Refused are kept with the reason of this time, which they carry.
	Refused []document.DeadLetter
	// Left are kept as they were, because no more is known of them than before. Here
	// their reason is that of this time.
	Left []document.DeadLetter
}

// Redeliver tries dead letters of this sink and log once more, by the routes of today.
// The caller bounds how many. The error says that nothing is known of them, because the
// sink is away or the dead letters cannot be changed; they are all kept.
func (f *Follower) Redeliver(ctx context.Context, letters []document.DeadLetter) (r Redelivery, err error) {
	var tried []document.DeadLetter
	var docs []document.Document
	for _, letter := range letters {
		doc, err := f.opts.Router.Resolve(document.Entry{Message: letter.Message, Position: letter.Position}, f.opts.LogID(letter.Position))
		if err != nil {
			r.refuse(letter, err)
			continue
		}
		tried, docs = append(tried, letter), append(docs, doc)
	}
	if len(docs) > 0 {
		results, err := f.write(ctx, docs)
		if err != nil {
			return Redelivery{}, err
		}
		r.sort(tried, results)
	}
	if err := errors.Join(f.opts.DeadLetters.Remove(ctx, r.Stored...), f.opts.DeadLetters.Refuse(ctx, r.Refused...)); err != nil {
		return Redelivery{}, err
	}
	f.metrics.stored.Add(float64(len(r.Stored)))
	f.metrics.redelivered.Add(float64(len(r.Stored)))
	return r, nil
}

func (r *Redelivery) sort(letters []document.DeadLetter, results []error) {
	for i, err := range results {
		letter := letters[i]
		switch forbidden := errors.Is(err, ErrForbidden); {
		case err == nil:
			r.Stored = append(r.Stored, letter)
		case forbidden && !letter.Forbidden, !forbidden && document.IsPermanent(err):
			r.refuse(letter, err)
		default:
			letter.Reason = err.Error()
			r.Left = append(r.Left, letter)
		}
	}
}

func (r *Redelivery) refuse(letter document.DeadLetter, reason error) {
	letter.Reason, letter.At, letter.Forbidden = reason.Error(), time.Now().UTC(), errors.Is(reason, ErrForbidden)
	r.Refused = append(r.Refused, letter)
}

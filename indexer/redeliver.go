package indexer

import (
	"context"
	"errors"
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
			f.log.Debug("forbidden dead letters could not be tried again", "err", err)
			continue
		}
		if len(r.stored) > 0 {
			f.log.Info("forbidden dead letters were stored after all", "count", len(r.stored), "left", r.forbidden)
		}
		if len(r.refused) > 0 {
			f.log.Warn("dead letters that were forbidden are refused for another reason", "count", len(r.refused), "err", r.refused[0].Reason)
		}
		if len(r.stored) > 0 || r.forbidden == 0 {
			rounds.Reset()
		}
	}
}

// round is what became of some forbidden letters.
type round struct {
	stored    []document.DeadLetter
	forbidden int                   // as before, or not known
	refused   []document.DeadLetter // for good, by the sink or by the routes of today
}

// redeliverOnce tries each letter once and forgets those that are stored. One that is
// refused for good by now keeps the new reason and is not tried again by itself.
func (f *Follower) redeliverOnce(ctx context.Context) (r round, err error) {
	all, err := f.opts.DeadLetters.Forbidden(ctx, f.sink, maxRound)
	if err != nil {
		return r, err
	}
	var letters []document.DeadLetter
	var docs []document.Document
	for _, letter := range all {
		if letter.Log != f.opts.Name {
			continue // another follower's
		}
		doc, err := f.opts.Router.Resolve(document.Entry{Message: letter.Message, Position: letter.Position}, f.opts.LogID)
		if err != nil {
			r.refuse(letter, err)
			continue
		}
		letters, docs = append(letters, letter), append(docs, doc)
	}
	if len(docs) > 0 {
		results, err := f.write(ctx, docs)
		if err != nil {
			return r, err
		}
		r.sort(letters, results)
	}
	if err := errors.Join(f.opts.DeadLetters.Remove(ctx, r.stored...), f.opts.DeadLetters.Refuse(ctx, r.refused...)); err != nil {
		return r, err
	}
	f.metrics.stored.Add(float64(len(r.stored)))
	f.metrics.redelivered.Add(float64(len(r.stored)))
	return r, nil
}

func (r *round) sort(letters []document.DeadLetter, results []error) {
	for i, err := range results {
		switch {
		case err == nil:
			r.stored = append(r.stored, letters[i])
		case !errors.Is(err, ErrForbidden) && document.IsPermanent(err):
			r.refuse(letters[i], err)
		default:
			r.forbidden++
		}
	}
}

func (r *round) refuse(letter document.DeadLetter, reason error) {
	letter.Reason, letter.At, letter.Forbidden = reason.Error(), time.Now().UTC(), false
	r.refused = append(r.refused, letter)
}

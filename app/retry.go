package app

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"pulltrail/indexer"
	"pulltrail/internal/control"
	"pulltrail/internal/deadletter"
	"pulltrail/internal/document"
)

const (
	// letterRound bounds the dead letters that are tried again in one go.
	letterRound = 500
	// cutOff ends the reason of a letter that has only the beginning of its payload.
	cutOff = "bytes are kept"
)

// RetryDeadLetters tries some again.
func (b *letterbox) RetryDeadLetters(ctx context.Context, which control.Selection, progress func(control.Retried)) (control.RetrySummary, error) {
	if !b.retrying.TryLock() {
		return control.RetrySummary{}, errors.New("dead letters are being tried again already: wait until that has ended")
	}
	defer b.retrying.Unlock()
	r := &retry{letterbox: b, progress: progress, away: make(map[string]string)}
	var err error
	if len(which.IDs) > 0 {
		err = r.named(ctx, which.IDs)
	} else {
		err = r.all(ctx, which)
	}
	return r.summary, err
}

// retry is one request to try letters again.
type retry struct {
	*letterbox
	progress func(control.Retried)
	summary  control.RetrySummary
	away     map[string]string // who cannot take anything at present, and why
}

func (r *retry) named(ctx context.Context, ids []control.LetterID) error {
	for _, id := range unique(ids) {
		l, ok, err := r.letters.Get(ctx, id.Sink, id.Log, id.Position)
		if err != nil {
			return err
		}
		if !ok {
			r.tell(control.Retried{ID: id, Fate: control.Left, Reason: control.ErrNoLetter.Error()})
			continue
		}
		if err := r.try(ctx, []document.DeadLetter{l}); err != nil {
			return err
		}
	}
	return nil
}

// all goes through the letters that are there now, and not through those that come of
// it, such as a message that the journal has taken and the sink refuses.
func (r *retry) all(ctx context.Context, which control.Selection) error {
	through, err := r.through(ctx, which)
	if err != nil {
		return err
	}
	for after := deadletter.Mark(0); ; {
		letters, last, err := r.letters.Walk(ctx, which.Sink, after, through, letterRound)
		if err != nil || len(letters) == 0 {
			return err
		}
		if err := r.try(ctx, letters); err != nil {
			return err
		}
		after = last
	}
}

// try tries each letter once, those of a kind together. Its error is the end of ctx,
// or a database that cannot be written.
func (r *retry) try(ctx context.Context, letters []document.DeadLetter) error {
	var order []string
	groups := make(map[string][]document.DeadLetter)
	for _, l := range letters {
		name := l.Sink + " after " + l.Log
		if groups[name] == nil {
			order = append(order, name)
		}
		groups[name] = append(groups[name], l)
	}
	for _, name := range order {
		var err error
		if group := groups[name]; group[0].Log == document.ReceiptLog {
			err = r.receive(ctx, group)
		} else {
			err = r.redeliver(ctx, name, group)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *retry) tell(what control.Retried) {
	r.summary.Add(what.Fate)
	r.progress(what)
}

// tellAll tells of letters, which carry the reasons.
func (r *retry) tellAll(fate control.Fate, letters []document.DeadLetter) {
	for _, l := range letters {
		if fate == control.Stored {
			l.Reason = ""
		}
		r.tell(control.Retried{ID: idOf(l), Fate: fate, Reason: l.Reason})
	}
}

func (r *retry) left(why string, letters ...document.DeadLetter) {
	for _, l := range letters {
		r.tell(control.Retried{ID: idOf(l), Fate: control.Left, Reason: why})
	}
}

// redeliver writes letters of one sink and log to that sink alone.
func (r *retry) redeliver(ctx context.Context, name string, letters []document.DeadLetter) error {
	follower := r.follower(letters[0])
	if follower == nil {
		r.left(fmt.Sprintf("nothing goes from the %s to %s at present: see indexer.routes and indexer.%s", letters[0].Log, letters[0].Sink, letters[0].Sink), letters...)
		return nil
	}
	if why, ok := r.away[name]; ok {
		r.left(why, letters...)
		return nil
	}
	outcome, err := follower.Redeliver(ctx, letters)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.away[name] = err.Error()
		r.left(err.Error(), letters...)
		return nil
	}
	r.tellAll(control.Stored, outcome.Stored)
	r.tellAll(control.Refused, outcome.Refused)
	r.tellAll(control.Left, outcome.Left)
	return nil
}

func (r *retry) follower(l document.DeadLetter) *indexer.Follower {
	for _, f := range r.followers {
		if f.Sink() == l.Sink && f.Log() == l.Log {
			return f
		}
	}
	return nil
}

// receive hands letters that were refused on receipt to the stores again, as if they
// came in now.
func (r *retry) receive(ctx context.Context, letters []document.DeadLetter) error {
	var refused []document.DeadLetter
	byKind := make(map[string][]document.DeadLetter)
	for _, l := range letters {
		kind, ok := r.router.Kind(l.Topic)
		switch {
		case len(l.Payload) == 0:
			r.left("the payload is empty: it cleared a retained message and holds nothing to store; drop this", l)
		case strings.HasSuffix(l.Reason, cutOff):
			r.left("only the beginning of the payload is kept: publish the message again, and drop this", l)
		case int64(len(l.Payload)) > r.maxPayload:
			r.left(fmt.Sprintf("the payload has %d bytes, more than mqtt.max_payload (%d)", len(l.Payload), r.maxPayload), l)
		case !ok:
			refused = append(refused, refusedNow(l, errors.New("no route matches topic "+l.Topic)))
		default:
			byKind[kind] = append(byKind[kind], l)
		}
	}
	if err := r.settle(ctx, nil, refused); err != nil {
		return err
	}
	for _, kind := range []string{indexer.KindSnapshot, indexer.KindDocument} {
		if err := r.append(ctx, kind, byKind[kind]); err != nil {
			return err
		}
	}
	return nil
}

// append puts letters into the store of a kind of routes.
func (r *retry) append(ctx context.Context, kind string, letters []document.DeadLetter) error {
	if len(letters) == 0 {
		return nil
	}
	if why, ok := r.away[kind]; ok {
		r.left(why, letters...)
		return nil
	}
	messages := make([]document.Message, len(letters))
	for i, l := range letters {
		messages[i] = l.Message
	}
	outcomes, err := r.stores[kind].Append(ctx, messages)
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		r.away[kind] = err.Error()
		r.left(err.Error(), letters...)
		return nil
	}
	var stored, refused []document.DeadLetter
	for i, o := range outcomes {
		if o.Err != nil {
			refused = append(refused, refusedNow(letters[i], o.Err))
		} else {
			stored = append(stored, letters[i])
		}
	}
	return r.settle(ctx, stored, refused)
}

func refusedNow(l document.DeadLetter, why error) document.DeadLetter {
	l.Reason, l.At, l.Forbidden = why.Error(), time.Now().UTC(), false
	return l
}

// settle forgets what is stored, and keeps the reason of what is not.
func (r *retry) settle(ctx context.Context, stored, refused []document.DeadLetter) error {
	if err := errors.Join(r.letters.Remove(ctx, stored...), r.letters.Refuse(ctx, refused...)); err != nil {
		return err
	}
	r.tellAll(control.Stored, stored)
	r.tellAll(control.Refused, refused)
	return nil
}

package app

import (
	"context"
	"sync"

	"pulltrail/indexer"
	"pulltrail/internal/control"
	"pulltrail/internal/deadletter"
	"pulltrail/internal/document"
	"pulltrail/mqttio"
)

// daemon is what a person can ask of the process: a control.Daemon.
type daemon struct {
	control.Collector
	*letterbox
	*archive
	indices
	control.Reloader
	keeper
}

// letterbox is what a person can do about the messages that were refused.
type letterbox struct {
	letters    *deadletter.Store
	router     *indexer.Router
	stores     map[string]mqttio.Store // by the kind of their routes
	followers  []*indexer.Follower
	maxPayload int64
	// retrying is held by the one who tries letters again: two would put the same
	// message into the journal twice.
	retrying sync.Mutex
}

// letterbox is made of the parts that refuse messages.
func (in *intake) letterbox(maxPayload int64) *letterbox {
	b := &letterbox{
		letters: in.letters, router: in.router, followers: in.followers, maxPayload: maxPayload,
		stores: map[string]mqttio.Store{indexer.KindSnapshot: in.history},
	}
	if in.journal != nil {
		b.stores[indexer.KindDocument] = documentStore{in.router, in.journal}
	}
	return b
}

// DeadLetters is a page of them.
func (b *letterbox) DeadLetters(ctx context.Context, query control.LetterQuery) (page control.LetterPage, err error) {
	newest, err := b.letters.Newest(ctx)
	if err != nil {
		return page, err
	}
	page.Through = int64(newest)
	counts, err := b.letters.Count(ctx)
	if err != nil {
		return page, err
	}
	for sink, n := range counts {
		if query.Sink == "" || query.Sink == sink {
			page.Total += n
		}
	}
	heads, err := b.letters.Heads(ctx, query.Sink, query.Limit, query.Offset)
	for _, head := range heads {
		page.Letters = append(page.Letters, letterOf(head.DeadLetter, head.Size))
	}
	return page, err
}

// DeadLetter is one of them.
func (b *letterbox) DeadLetter(ctx context.Context, id control.LetterID) (control.Letter, error) {
	l, ok, err := b.letters.Get(ctx, id.Sink, id.Log, id.Position)
	if err == nil && !ok {
		err = control.ErrNoLetter
	}
	if err != nil {
		return control.Letter{}, err
	}
	shown := letterOf(l, int64(len(l.Payload)))
	shown.Payload = l.Payload
	return shown, nil
}

func letterOf(l document.DeadLetter, size int64) control.Letter {
	return control.Letter{
		ID: idOf(l), Topic: l.Topic, Reason: l.Reason, Refused: l.At, Received: l.Received,
		Retained: l.Retained, RetriedByItself: l.Forbidden, Size: size,
	}
}

func idOf(l document.DeadLetter) control.LetterID {
	return control.LetterID{Sink: l.Sink, Log: l.Log, Position: l.Position}
}

// DropDeadLetters forgets some.
func (b *letterbox) DropDeadLetters(ctx context.Context, which control.Selection) (dropped control.Dropped, err error) {
	if len(which.IDs) == 0 {
		through, err := b.through(ctx, which)
		if err != nil {
			return dropped, err
		}
		dropped.Count, err = b.letters.Clear(ctx, which.Sink, through)
		return dropped, err
	}
	var there []document.DeadLetter
	for _, id := range unique(which.IDs) {
		l, ok, err := b.letters.Get(ctx, id.Sink, id.Log, id.Position)
		switch {
		case err != nil:
			return dropped, err
		case ok:
			l.Payload = nil // the key is enough
			there = append(there, l)
		default:
			dropped.Missing = append(dropped.Missing, id)
		}
	}
	if err := b.letters.Remove(ctx, there...); err != nil {
		return control.Dropped{}, err
	}
	dropped.Count = len(there)
	return dropped, nil
}

// through is the place behind which letters are not meant, having come since.
func (b *letterbox) through(ctx context.Context, which control.Selection) (deadletter.Mark, error) {
	if which.Through > 0 {
		return deadletter.Mark(which.Through), nil
	}
	return b.letters.Newest(ctx)
}

func unique[K comparable](ids []K) []K {
	seen := make(map[K]bool, len(ids))
	var once []K
	for _, id := range ids {
		if !seen[id] {
			seen[id] = true
			once = append(once, id)
		}
	}
	return once
}

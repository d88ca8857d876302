package collector

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/roster"
)

// Listing is what became of the listing of a namespace in a run.
type Listing struct {
	Namespace string
	// Total is how many repositories there are by Docker Hub's own count, Rows how many
	// of them it has listed, for this slot, also in an earlier run.
	Total, Rows int
	// Truncated says that Docker Hub lists no more of them without a login.
	Truncated bool
	// Cause and Err say why the listing is not whole, in one word and in a sentence;
	// a truncated one has an Err as well.
	Cause Cause
	Err   error
}

// page is one page of a listing.
type page struct {
	Count   *int              `json:"count"`
	Next    *string           `json:"next"`
	Results []json.RawMessage `json:"results"`
	arrived time.Time
}

// list lists a namespace, from where the run for this slot has come before, and takes
// the rows that are tracked.
func (r *run) list(ctx context.Context, n Namespace) {
	l := &lister{run: r, namespace: n, seen: make(map[string]bool)}
	l.Namespace = n.Name
	l.follow(ctx)
	if l.rejected > 0 {
		r.log.Warn("rows of a listing rejected", "namespace", n.Name, "slot", r.slot, "rows", l.rejected, "err", l.firstErr)
	}
	if l.Cause != Cancelled && l.Cause != Budget {
		r.Collector.mu.Lock()
		r.unlisted.log(r.log, "namespace", n.Name, l.Cause, l.Err, nil, "slot", r.slot)
		r.Collector.mu.Unlock()
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.listings = append(r.listings, l.Listing)
}

// lister lists one namespace.
type lister struct {
	*run
	Listing
	namespace Namespace
	next      int             // the page to ask for; 0 at the end
	seen      map[string]bool // names, in this run
	rejected  int             // rows that name no repository, in this run
	firstErr  error           // why the first of them was rejected
}

func (l *lister) follow(ctx context.Context) {
	before, known, err := l.roster.Listing(ctx, l.Namespace)
	if err != nil {
		l.stop(fmt.Errorf("how far the listing of %s has come: %w", l.Namespace, err))
		l.fail(&failure{Cancelled, ended(ctx)})
		return
	}
	l.next = 1
	if known && before.Slot.Equal(l.slot) && before.Selection == l.namespace.Selection() {
		l.next, l.Rows, l.Total, l.Truncated = before.Next, before.Rows, before.Total, before.Truncated
		if l.Truncated {
			l.truncate()
		}
	}
	for l.next > 0 && l.Err == nil {
		l.page(ctx)
	}
	if l.Err != nil && !l.Truncated {
		l.excuse(ctx)
		return
	}
	l.lookForTheRest(ctx) // also where all pages were read before: its own requests may have failed
	l.progress(ctx, 0)
}

// page takes one page and moves on to the next.
func (l *lister) page(ctx context.Context) {
	var p page
	err := l.get(ctx, l.client.listing(l.Namespace, l.next), "", func(a answer) error {
		p = page{arrived: a.arrived}
		if err := json.Unmarshal(a.body, &p); err != nil {
			return unreadablePage(err, a.body)
		}
		if p.Count == nil || *p.Count < 0 || p.Results == nil {
			return fail(Invalid, "answered 200 with something other than a listing; %s", quote(a.body))
		}
		return nil
	})
	switch cause := causeOf(err); {
	case err == nil:
	case l.next > 1 && cause == Forbidden:
		l.Truncated = true
		l.truncate()
		return
	case l.next > 1 && cause == NotFound: // the pages have become fewer meanwhile
		l.next = 0
		return
	case cause == NotFound:
		l.fail(fail(NotFound, "the namespace %s has no public repository, or: %w", l.Namespace, err))
		return
	default:
		l.fail(err)
		return
	}
	l.Total = *p.Count
	l.take(ctx, p)
	if l.Err != nil {
		return
	}
	l.next++
	if p.Next == nil || len(p.Results) == 0 {
		l.next = 0
		return // progress is told when the rest was looked for
	}
	l.progress(ctx, l.next)
}

func unreadablePage(err error, body []byte) error {
	if len(body) == 0 {
		return unreadable(hub.ErrEmpty, body)
	}
	return unreadable(fmt.Errorf("%w: %w", hub.ErrNotJSON, err), body)
}

func (l *lister) fail(err error) { l.Cause, l.Err = causeOf(err), err }

func (l *lister) truncate() {
	l.next = 0
	l.Cause, l.Err = Truncated, fmt.Errorf("truncated: Docker Hub lists %d of the %d repositories of %s without a login; "+
		"sign in (collector.username, collector.password_file) to see all %d", l.Rows, l.Total, l.Namespace, l.Total)
}

// take stores the rows of a page that are tracked and not known, in one go.
func (l *lister) take(ctx context.Context, p page) {
	var results []Result
	var taken []hub.Snapshot
	for _, row := range p.Results {
		snapshot, err := hub.DecodeRow(row, l.Namespace, p.arrived, l.slot)
		if err != nil {
			if result, ok := l.badRow(row, err); ok {
				results = append(results, result)
			}
			continue
		}
		if l.seen[snapshot.Name] {
			continue // it has moved to this page meanwhile
		}
		l.seen[snapshot.Name] = true
		l.Rows++
		result := Result{Repository: snapshot.Repository}
		if snapshot.Namespace != l.Namespace {
			result.Cause, result.Err = WrongRepository, fmt.Errorf("the listing of %s has a row of %.200q", l.Namespace, snapshot.Repository)
			results = append(results, result)
			continue
		}
		if !l.plan.takes(l.namespace, snapshot.Repository) {
			continue
		}
		if l.always {
			l.emit(-1, l.one(ctx, snapshot.Repository, true))
			continue
		}
		if result.Skipped, err = l.isKnown(ctx, snapshot.Repository); err != nil {
			l.fail(err)
			return
		}
		if !result.Skipped {
			result.Snapshot = snapshot
			taken = append(taken, snapshot)
		}
		results = append(results, result)
	}
	if len(taken) > 0 {
		if err := l.store(ctx, taken...); err != nil {
			l.fail(err)
			return
		}
	}
	l.report(ctx, true, results...)
	for _, result := range results {
		l.emit(-1, result)
	}
}

// badRow returns the failure of a row that is no statistic. It returns false and counts the row as rejected if the row
// names no repository that is tracked.
func (l *lister) badRow(row []byte, err error) (Result, bool) {
	l.Rows++
	fields, parsing := hub.ParseObject(row)
	r, ok := subject(fields)
	if parsing != nil || !ok || l.seen[r.Name] || !l.plan.takes(l.namespace, r) {
		if l.rejected++; l.firstErr == nil {
			l.firstErr = oneLine{err}
		}
		return Result{}, false
	}
	l.seen[r.Name] = true
	err = unreadable(err, row)
	return Result{Repository: r, Cause: causeOf(err), Err: err}, true
}

// lookForTheRest asks for those that were listed before and are not now: they may have
// moved between two pages, lie beyond what is listed, or be gone.
func (l *lister) lookForTheRest(ctx context.Context) {
	for _, r := range l.unseen(ctx) {
		l.emit(-1, l.one(ctx, r, true))
	}
	if missing := l.Total - l.Rows; missing > 0 && l.Err == nil {
		l.log.Info("listing has fewer rows than its own count; the next run collects the rest",
			"namespace", l.Namespace, "slot", l.slot, "rows", l.Rows, "count", l.Total)
	}
}

// excuse says of each repository that was listed before why it has no snapshot now.
func (l *lister) excuse(ctx context.Context) {
	var results []Result
	for _, r := range l.unseen(ctx) {
		results = append(results, Result{Repository: r, Cause: l.Cause, Err: fmt.Errorf("%w: %w", errUnlisted, l.Err)})
	}
	l.report(ctx, true, results...)
	for _, result := range results {
		l.emit(-1, result)
	}
}

// unseen are the repositories that were listed before, are tracked, and have not been
// met for this slot, or not got for a reason that may be over.
func (l *lister) unseen(ctx context.Context) []hub.Repository {
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	all, err := l.roster.Unseen(bounded, l.Namespace, l.slot, l.goneAfter, passingCauses()...)
	if err != nil {
		l.stop(fmt.Errorf("which repositories of %s were listed before: %w", l.Namespace, err))
		return nil
	}
	kept := all[:0]
	for _, r := range all {
		if l.plan.takes(l.namespace, r) && !l.seen[r.Name] {
			kept = append(kept, r)
		}
	}
	return kept
}

// progress keeps how far the listing has come, so that a run that is cut goes on there.
func (l *lister) progress(ctx context.Context, next int) {
	state := roster.Listing{Namespace: l.Namespace, Slot: l.slot, Next: next, Rows: l.Rows, Total: l.Total, Truncated: l.Truncated, Selection: l.namespace.Selection()}
	if l.Err != nil {
		state.Message = l.Err.Error()
	}
	storing, cancel := context.WithTimeout(context.WithoutCancel(ctx), appendTimeout)
	defer cancel()
	if err := l.roster.SetListing(storing, state); err != nil {
		l.stop(fmt.Errorf("how far the listing of %s has come: %w", l.Namespace, err))
	}
}

package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"pulltrail/internal/control"
	"pulltrail/internal/document"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/rollup"
	"pulltrail/internal/trail"
)

const (
	// A page of an export.
	pageSize  = 1000
	pageBytes = 1 << 20
	// maxDailySamples and maxDailyDays bound what the days of one repository are made of, and
	// how many these are: a century, should a snapshot have a time that is far from others.
	maxDailySamples = 200_000
	maxDailyDays    = 36_600
)

// Export hands out what is stored.
func (a *archive) Export(ctx context.Context, which control.Range, take func([][]byte)) (control.Exported, error) {
	return a.each(ctx, which, func(r hub.Repository) (count int, err error) {
		for mark := history.Beginning(); ; {
			var page []document.Entry
			page, mark, err = a.history.Trail(ctx, r, which.From, which.To, mark, pageSize, pageBytes)
			if err != nil || len(page) == 0 {
				return count, err
			}
			payloads := make([][]byte, len(page))
			for i, e := range page {
				payloads[i] = e.Payload
			}
			take(payloads)
			count += len(page)
		}
	})
}

// Daily hands out days. They are whole: a range is widened to the days that it touches.
func (a *archive) Daily(ctx context.Context, which control.Range, take func([]control.Day)) (control.Exported, error) {
	if !which.From.IsZero() {
		which.From = trail.Day.Floor(which.From)
	}
	if !which.To.IsZero() {
		which.To = trail.Day.Ceil(which.To)
	}
	return a.each(ctx, which, func(r hub.Repository) (int, error) {
		days, err := a.days(ctx, r, which)
		if len(days) > 0 {
			take(days)
		}
		return len(days), err
	})
}

func (a *archive) days(ctx context.Context, r hub.Repository, which control.Range) ([]control.Day, error) {
	found, err := a.history.Around(ctx, r, which.From, which.To, maxDailySamples+1)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	length := found[len(found)-1].Timestamp.Sub(found[0].Timestamp)
	if len(found) > maxDailySamples || length > maxDailyDays*24*time.Hour {
		return nil, fmt.Errorf("%s has more than %d snapshots, or more than %d days, in that time: narrow it with --from and --to", r, maxDailySamples, maxDailyDays)
	}
	var days []control.Day
	for _, p := range trail.New(rollup.Samples(found)).Daily(which.From, which.To, a.curves.MaxGap()) {
		days = append(days, control.Day{Repository: r, Date: p.Start.Format(time.DateOnly), Pulls: p.Pulls, Gap: p.Gap, Partial: p.Partial})
	}
	return days, nil
}

// each calls export for each repository that is meant, and adds up.
func (a *archive) each(ctx context.Context, which control.Range, export func(hub.Repository) (int, error)) (exported control.Exported, err error) {
	repositories := unique(which.Repositories)
	if len(repositories) == 0 {
		all, err := a.history.Repositories(ctx)
		if err != nil {
			return exported, err
		}
		for _, r := range all {
			repositories = append(repositories, r.Repository)
		}
	} else if err := a.missing(ctx, repositories); err != nil {
		return exported, err
	}
	for _, r := range repositories {
		if err := ctx.Err(); err != nil {
			return exported, err
		}
		count, err := export(r)
		if err != nil {
			return exported, err
		}
		if exported.Count += count; count > 0 {
			exported.Repositories++
		}
	}
	return exported, nil
}

// missing says which of the repositories have no snapshot, before anything is handed out.
func (a *archive) missing(ctx context.Context, repositories []hub.Repository) error {
	var errs []error
	for _, r := range repositories {
		_, ok, err := a.history.Repository(ctx, r)
		if err != nil {
			return err
		}
		if !ok {
			errs = append(errs, fmt.Errorf("history has nothing of %s", r))
		}
	}
	return errors.Join(errs...)
}

// Delete removes snapshots.
func (a *archive) Delete(ctx context.Context, which control.Deletion) (control.Deleted, error) {
	remove := a.history.Delete
	if which.DryRun {
		remove = a.history.Deletable
	}
	d, err := remove(ctx, which.Repository, which.From, which.To)
	return control.Deleted{Count: d.Count, First: d.First, Last: d.Last}, err
}

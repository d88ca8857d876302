package app

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"pulltrail/internal/web/api"
	"pulltrail/scheduler"
)

func TestARunOnDemandBelongsToTheProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var scheduled atomic.Bool
		var begun atomic.Int32
		finish := make(chan struct{})
		d := newOnDemand(func(ctx context.Context) error {
			begun.Add(1)
			select {
			case <-finish:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}, scheduled.Load, slog.New(slog.DiscardHandler))
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		ended := make(chan error, 1)
		go func() { ended <- d.Run(ctx) }()

		scheduled.Store(true)
		if err := d.Begin(); !errors.Is(err, api.ErrRunning) || d.Busy() {
			t.Errorf("beside a run of the schedule: %v", err)
		}
		scheduled.Store(false)
		if err := d.Begin(); err != nil || !d.Busy() {
			t.Errorf("got %v", err)
		}
		if err := d.Begin(); !errors.Is(err, api.ErrRunning) {
			t.Errorf("twice: %v", err)
		}
		synctest.Wait()
		finish <- struct{}{}
		synctest.Wait()
		if err := d.Begin(); err != nil || begun.Load() != 1 {
			t.Errorf("after the first: %v, %d have begun", err, begun.Load())
		}
		synctest.Wait()
		stop()
		if err := <-ended; err != nil || begun.Load() != 2 {
			t.Errorf("at the end: %v, %d have begun", err, begun.Load())
		}
	})
}

func TestARunOnDemandThatDoesNotBeginIsLogged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		d := newOnDemand(func(context.Context) error { return scheduler.ErrRunning }, func() bool { return false }, slog.New(slog.NewTextHandler(&log, nil)))
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go func() { _ = d.Run(ctx) }()
		for range 2 {
			if err := d.Begin(); err != nil {
				t.Error(err)
			}
			synctest.Wait()
		}
		if strings.Count(log.String(), "running already") != 2 {
			t.Errorf("logged %s", &log)
		}
	})
}

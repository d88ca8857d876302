package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// stopTimeout bounds how long each part may take to stop. Parts drain what they
// have at hand within it; what they cannot finish is durable and goes on at the
// next start.
const stopTimeout = 10 * time.Second

// errStuck says that a part goes on although it was told to stop.
var errStuck = errors.New("did not stop")

// A part is one named piece of the process.
type part struct {
	name string
	// run blocks until its context is done and all that it started has ended. Nil
	// for a part that only has to be closed.
	run func(context.Context) error
	// close gives back what was opened; it is called once, after run has returned.
	// Nil for a part without anything to close.
	close func() error
}

// parts stand in the order in which they start; they stop in reverse.
type parts []part

func (p *parts) run(name string, run func(context.Context) error) {
	*p = append(*p, part{name: name, run: run})
}

func (p *parts) add(name string, run func(context.Context) error, close func() error) {
	*p = append(*p, part{name: name, run: run, close: close})
}

func (p *parts) close(name string, close func() error) {
	*p = append(*p, part{name: name, close: close})
}

// started is a part that runs.
type started struct {
	part
	cancel context.CancelFunc
	done   chan error // receives run's result, once
}

// supervise starts the parts in order and blocks until ctx is done or a part ends
// by itself. Then it stops every part in reverse, each within stopTimeout, and
// returns what went wrong, the names of the parts in front.
func supervise(ctx context.Context, log *slog.Logger, ps parts, task func(context.Context) error) error {
	ended := make(chan string, len(ps)+1)
	running := make([]started, 0, len(ps))
	for _, p := range ps {
		running = append(running, start(ctx, p, ended))
		log.Debug("started", "component", p.name)
	}
	var errs []error
	taskContext, cancelTask := context.WithCancel(ctx)
	defer cancelTask()
	if task != nil {
		errs = append(errs, await(taskContext, cancelTask, ended, task))
	} else {
		select {
		case <-ctx.Done():
		case <-ended:
		}
	}
	for i := len(running) - 1; i >= 0; i-- {
		errs = append(errs, stop(running[i]))
		log.Debug("stopped", "component", running[i].name)
	}
	return errors.Join(errs...)
}

// await runs task until it returns, and cancels it when a part has ended.
func await(ctx context.Context, cancel context.CancelFunc, ended <-chan string, task func(context.Context) error) error {
	result := make(chan error, 1)
	go func() { result <- task(ctx) }()
	select {
	case err := <-result:
		return err
	case <-ended:
		cancel()
		return <-result
	}
}

func start(ctx context.Context, p part, ended chan<- string) started {
	// Parts do not see the end of ctx themselves: they end when it is their turn.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s := started{part: p, cancel: cancel, done: make(chan error, 1)}
	if p.run == nil {
		s.done <- nil
		return s
	}
	go func() {
		err := p.run(ctx)
		if err == nil && ctx.Err() == nil {
			err = errors.New("ended by itself")
		}
		s.done <- err
		ended <- p.name
	}()
	return s
}

func stop(s started) error {
	s.cancel()
	timer := time.NewTimer(stopTimeout)
	defer timer.Stop()
	var err error
	select {
	case err = <-s.done:
		if errors.Is(err, context.Canceled) {
			err = nil
		}
	case <-timer.C:
		err = fmt.Errorf("%w within %v", errStuck, stopTimeout)
	}
	if s.close != nil {
		err = errors.Join(err, s.close())
	}
	if err != nil {
		return fmt.Errorf("%s: %w", s.name, err)
	}
	return nil
}

// abandon closes what was opened before the wiring failed.
func (p parts) abandon() error {
	var errs []error
	for i := len(p) - 1; i >= 0; i-- {
		if p[i].close == nil {
			continue
		}
		if err := p[i].close(); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", p[i].name, err))
		}
	}
	return errors.Join(errs...)
}

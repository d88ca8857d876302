package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"pulltrail/internal/config"
	"pulltrail/internal/control"
)

// errReloading answers those who ask while nothing can be decided.
var errReloading = errors.New("the process is still starting, or another configuration is being applied: try again")

// reloadPause is how long a signal waits that comes in such a moment.
const reloadPause = 100 * time.Millisecond

// reloads are how the configuration of a running process is replaced: it is read anew, and
// taken as a whole or refused as a whole. One is under way at a time.
type reloads struct {
	read func() (config.Config, error) // nil where there is nothing to read
	// fixed are those of the differences that take a restart, in words.
	fixed func(from, to config.Config) ([]string, error)
	log   *slog.Logger

	mu      sync.Mutex
	current config.Config
	next    *config.Config     // accepted; nil for none
	end     context.CancelFunc // ends the generation; nil where none has begun
	newest  control.Reload
	applied time.Time // when the current configuration began
}

func newReloads(read func() (config.Config, error), fixed func(from, to config.Config) ([]string, error), log *slog.Logger) *reloads {
	return &reloads{read: read, fixed: fixed, log: log, newest: control.Reload{Done: true}}
}

// Reload reads the configuration, and has it applied if it can be. What became of it
// is what Reloaded says when it is done.
func (r *reloads) Reload(context.Context) (control.Reload, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read == nil {
		return control.Reload{}, errors.New("this process cannot read its configuration anew: restart it")
	}
	if r.end == nil {
		return control.Reload{}, errReloading
	}
	r.newest = control.Reload{Number: r.newest.Number + 1}
	next, err := r.read()
	if err == nil {
		err = r.replaceable(next)
	}
	if err != nil {
		r.conclude(err)
		return r.newest, nil
	}
	r.newest.Changed = config.Changed(r.current, next)
	r.log.Info("applying the changed configuration", "changed", strings.Join(r.newest.Changed, " "))
	r.next = &next
	r.end()
	r.end = nil
	return r.newest, nil
}

// replaceable refuses what only a restart can change.
func (r *reloads) replaceable(next config.Config) error {
	fixed, err := r.fixed(r.current, next)
	if err == nil && len(fixed) > 0 {
		err = fmt.Errorf("what is read at the start only has changed: restart to apply it, or put it back: %s", strings.Join(fixed, ", "))
	}
	return err
}

// Reloaded is the newest reload.
func (r *reloads) Reloaded(context.Context) (control.Reload, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.newest, nil
}

// heed reads the configuration whenever a signal says so, until ctx is done.
func (r *reloads) heed(ctx context.Context, hangup <-chan os.Signal) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
		}
		for {
			_, err := r.Reload(ctx)
			if !errors.Is(err, errReloading) {
				break
			}
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(reloadPause):
			}
		}
	}
}

// begun says that a configuration is in force, and how it can be ended.
func (r *reloads) begun(cfg config.Config, end context.CancelFunc) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current, r.end, r.applied = cfg, end, time.Now()
	if !r.newest.Done {
		r.conclude(nil)
	}
}

// greeting is the event that is logged when everything has begun: the start of the process, or of a configuration.
func (r *reloads) greeting() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.applied.IsZero():
		return "pulltrail has started"
	case r.newest.Done: // with an error, or there would be nothing to begin
		return "restarted with the previous configuration"
	}
	return "restarted with the new configuration"
}

// ended says that the generation has, and gives the configuration that is to be next.
func (r *reloads) ended() (next *config.Config, begun bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	next, begun = r.next, r.end != nil || r.next != nil
	r.next, r.end = nil, nil
	return next, begun
}

// settle says that the newest reload cannot begin.
func (r *reloads) settle(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.conclude(err)
}

func (r *reloads) conclude(err error) {
	r.newest.Done = true
	if err == nil {
		return // logged with the start of its generation
	}
	r.newest.Error = err.Error()
	r.log.Error("new configuration rejected; the previous one stays in use", "err", err)
}

// register tells Prometheus, in the words of its own.
func (r *reloads) register(registry prometheus.Registerer) {
	gauge := func(name, help string, value func() float64) {
		registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 {
			r.mu.Lock()
			defer r.mu.Unlock()
			return value()
		}))
	}
	gauge("pulltrail_config_last_reload_successful", "1 unless the configuration that was read last has been refused.", func() float64 {
		if r.newest.Error != "" {
			return 0
		}
		return 1
	})
	gauge("pulltrail_config_last_reload_success_timestamp_seconds", "When the configuration began that is in force.", func() float64 {
		return float64(r.applied.UnixMilli()) / 1e3
	})
}

// Package systemd tells the system's service manager how the process is doing, where that
// has started it with Type=notify: that it is ready, that it is stopping, and, where the
// unit has WatchdogSec, at twice that pace that it is alive.
//
// It promises nothing that was not looked at: each sign of life follows a probe that has
// succeeded. A process whose probe fails, or does not return, sends none, says why in its
// status and in the log, and is restarted by systemd unless it recovers before.
package systemd

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// Manager is the service manager that has started this process.
type Manager struct {
	// interval is the time between two signs of life; 0 where none are wanted.
	interval time.Duration
	log      *slog.Logger
}

// New finds the manager by what it has put into the environment. It returns nil where
// nobody waits for notifications.
func New(log *slog.Logger) (*Manager, error) {
	reached, err := daemon.SdNotify(false, "STATUS=starting")
	if err != nil {
		return nil, fmt.Errorf("notify systemd: %w", err)
	}
	if !reached {
		return nil, nil
	}
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return nil, fmt.Errorf("the watchdog of systemd: %w", err)
	}
	return &Manager{interval: watchdog / 2, log: log}, nil
}

// Run says that the process is ready, then, until ctx is done, that it is alive whenever
// probe finds it so, and at last that it stops. A probe may take as long as a sign of life
// is due; it returns soon after its context is done.
func (m *Manager) Run(ctx context.Context, probe func(context.Context) error) error {
	if err := m.say(daemon.SdNotifyReady + "\nSTATUS=running"); err != nil {
		return err
	}
	m.watch(ctx, probe)
	return m.say(daemon.SdNotifyStopping + "\nSTATUS=stopping: what is under way is being stored")
}

// watch blocks until ctx is done.
func (m *Manager) watch(ctx context.Context, probe func(context.Context) error) {
	if m.interval == 0 {
		<-ctx.Done()
		return
	}
	ticker := time.NewTicker(m.interval)
	defer ticker.Stop()
	failing := false
	for {
		err := m.beat(ctx, probe, failing)
		if ctx.Err() != nil {
			return
		}
		if err != nil && !failing {
			m.log.Error("watchdog probe failed; systemd restarts the process unless it recovers", "err", err)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// beat sends one sign of life, or the reason why there is none.
func (m *Manager) beat(ctx context.Context, probe func(context.Context) error, failing bool) error {
	bounded, cancel := context.WithTimeout(ctx, m.interval)
	defer cancel()
	if err := probe(bounded); err != nil {
		if failing || ctx.Err() != nil {
			return err // it has been said
		}
		return errors.Join(err, m.say("STATUS=not healthy: "+oneLine(err)))
	}
	if failing {
		return m.say(daemon.SdNotifyWatchdog + "\nSTATUS=running")
	}
	return m.say(daemon.SdNotifyWatchdog)
}

func (m *Manager) say(state string) error {
	if _, err := daemon.SdNotify(false, state); err != nil {
		return fmt.Errorf("notify systemd: %w", err)
	}
	return nil
}

// oneLine is what a status may be: each further line would be a message of its own.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

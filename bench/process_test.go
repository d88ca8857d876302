package main

import (
	"context"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func shell(t *testing.T, script string) *process {
	t.Helper()
	p, err := startProcess("the shell", filepath.Join(t.TempDir(), "log"), exec.Command("/bin/sh", "-c", script))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.kill)
	return p
}

func TestAProcessThatEndsByItselfIsToldWithItsOutput(t *testing.T) {
	p := shell(t, "echo some reason >&2; exit 3")
	err := eventually(t.Context(), "nothing", time.Minute, time.Millisecond, func(context.Context) (bool, error) { return false, nil }, p)
	if err == nil || !strings.Contains(err.Error(), "exit status 3") || !strings.Contains(err.Error(), "some reason") {
		t.Errorf("got %v", err)
	}
}

func TestStopEndsTheWholeGroup(t *testing.T) {
	p := shell(t, "sleep 1000 & wait")
	if err := p.alive(); err != nil {
		t.Fatal(err)
	}
	if err := p.stop(); err != nil {
		t.Error(err)
	}
	// what was in the group has got the signal too, and is gone soon
	err := eventually(t.Context(), "the group to be empty", time.Minute, time.Millisecond, func(context.Context) (bool, error) {
		return errors.Is(syscall.Kill(-p.pid(), 0), syscall.ESRCH), nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestWaitingEndsWithItsLimitOrAnError(t *testing.T) {
	never := func(context.Context) (bool, error) { return false, nil }
	err := eventually(t.Context(), "a wonder", time.Millisecond, time.Microsecond, never)
	if err == nil || err.Error() != "waiting for a wonder: not within 1ms" {
		t.Errorf("got %v", err)
	}
	broken := errors.New("broken")
	err = eventually(t.Context(), "an answer", time.Minute, 0, func(context.Context) (bool, error) { return false, broken })
	if !errors.Is(err, broken) {
		t.Errorf("got %v", err)
	}
}

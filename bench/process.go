package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"
)

// stopTimeout is how long a process may take to end before it is killed.
const stopTimeout = 20 * time.Second

// process is a program that the bench has started. It leads a group of its own, which
// is killed as a whole, and dies with the bench.
type process struct {
	name    string
	command *exec.Cmd
	log     string // file with its output
	ended   chan struct{}
	err     error // how it ended; valid when ended is closed
}

// startProcess starts a command with its output in a file, and takes over the command.
// It is not to be bound to a context, because it ends by stop, in order.
func startProcess(name, log string, command *exec.Cmd) (*process, error) {
	out, err := os.Create(log)
	if err != nil {
		return nil, err
	}
	defer func() { _ = out.Close() }() // the process has its own
	command.Stdout, command.Stderr = out, out
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid, command.SysProcAttr.Pdeathsig = true, syscall.SIGKILL
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	p := &process{name: name, command: command, log: log, ended: make(chan struct{})}
	go func() {
		p.err = command.Wait()
		close(p.ended)
	}()
	return p, nil
}

func (p *process) pid() int { return p.command.Process.Pid }

// alive is an error with the end of the output once the process has ended.
func (p *process) alive() error {
	select {
	case <-p.ended:
		return p.failure(fmt.Sprintf("ended by itself (%v)", p.err))
	default:
		return nil
	}
}

// failure is an error with the end of the output.
func (p *process) failure(what string) error {
	return fmt.Errorf("%s %s; its output ends with:\n%s", p.name, what, tail(p.log))
}

// stop ends the process: asked first, killed if it does not end in time, which is an
// error. One that has ended is left alone.
func (p *process) stop() error {
	select {
	case <-p.ended:
		return nil
	default:
	}
	p.signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		return nil
	case <-time.After(stopTimeout):
		p.kill()
		return p.failure(fmt.Sprintf("has not ended within %v of SIGTERM", stopTimeout))
	}
}

// kill ends the process and its group at once.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	<-p.ended
}

func (p *process) signal(s syscall.Signal) {
	_ = syscall.Kill(-p.pid(), s) // a group that is gone needs none
}

func tail(file string) string {
	const most = 2000
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	if len(text) > most {
		text = text[len(text)-most:]
		if _, rest, ok := bytes.Cut(text, []byte("\n")); ok {
			text = rest
		}
	}
	return string(text)
}

// eventually asks again and again, with pauses, until the answer is yes. An error of the
// question ends it; so does the end of one of the processes.
func eventually(ctx context.Context, what string, limit, every time.Duration, ask func(context.Context) (bool, error), needs ...*process) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("not within %v", limit))
	defer cancel()
	for {
		for _, p := range needs {
			if err := p.alive(); err != nil {
				return fmt.Errorf("waiting for %s: %w", what, err)
			}
		}
		ok, err := ask(ctx)
		if ok {
			return nil
		}
		if err == nil {
			err = sleep(ctx, every)
		}
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				err = context.Cause(ctx)
			}
			return fmt.Errorf("waiting for %s: %w", what, err)
		}
	}
}

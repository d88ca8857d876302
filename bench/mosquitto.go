package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// mosquittoConfig lifts the limits at which a stock broker drops messages: what is
// measured here is speed, and a loss must be Pulltrail's. Packet ids bound what can be
// in flight.
const mosquittoConfig = `listener %s 127.0.0.1
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 60000
log_type error
log_type warning
log_dest stderr
`

// startMosquitto starts a broker in dir and waits until it answers.
func startMosquitto(ctx context.Context, program, dir string) (addr string, p *process, err error) {
	addr, err = freeAddress()
	if err != nil {
		return "", nil, err
	}
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", nil, err
	}
	file := filepath.Join(dir, "mosquitto.conf")
	if err := writeReadable(dir, file, fmt.Appendf(nil, mosquittoConfig, port)); err != nil {
		return "", nil, err
	}
	command := exec.Command(program, "-c", file) //nolint:gosec,noctx // what is to be measured; ends by stop
	command.SysProcAttr = unprivileged()
	p, err = startProcess("mosquitto", filepath.Join(dir, "mosquitto.log"), command)
	if err != nil {
		return "", nil, err
	}
	err = eventually(ctx, "the broker", 10*time.Second, 20*time.Millisecond, func(ctx context.Context) (bool, error) {
		w, err := dialWire(ctx, addr, "bench-hello")
		if err != nil {
			return false, nil //nolint:nilerr // not yet
		}
		return true, w.close()
	}, p)
	if err != nil {
		p.kill()
		return "", nil, err
	}
	return addr, p, nil
}

// nobody is the user and the group that the broker has when the bench is root.
const nobody = 65534

// unprivileged keeps a broker that is started by root from becoming another user by
// itself: with that it would lose the signal that ends it with the bench.
func unprivileged() *syscall.SysProcAttr {
	if os.Geteuid() != 0 {
		return nil
	}
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
}

// writeReadable writes a file that another user can read, in a directory that it can
// enter and not list.
func writeReadable(dir, file string, text []byte) error {
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // nothing in it is secret
		return err
	}
	return os.WriteFile(file, text, 0o644) //nolint:gosec // nothing in it is secret
}

// freeAddress is a port of this machine that nobody listens at.
func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

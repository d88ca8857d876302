//go:build integration

package faulttest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"pulltrail/internal/porttest"
)

// broker is a Mosquitto of the test's own, to be killed and started again with what it
// has kept. Its persistence is the stock one: saved every half hour, and when it ends in order.
type broker struct {
	t       *testing.T
	addr    string
	config  string
	data    string
	command *exec.Cmd
}

// newBroker starts one. A stock one keeps no more than 1,000 messages for a session, and
// drops what exceeds that; one that is not stock keeps all.
func newBroker(t *testing.T, stock bool) *broker {
	t.Helper()
	dir := t.TempDir()
	b := &broker{t: t, addr: porttest.Address(t), config: filepath.Join(dir, "mosquitto.conf"), data: filepath.Join(dir, "data")}
	_, port, err := net.SplitHostPort(b.addr)
	if err != nil {
		t.Fatal(err)
	}
	// It stays root where the test is root, since the directory is root's.
	text := fmt.Sprintf("listener %s 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\npersistence_location %s/\nlog_dest stderr\n", port, b.data)
	if !stock {
		text += "max_queued_messages 0\n"
	}
	if err := os.Mkdir(b.data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(b.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	b.start()
	t.Cleanup(func() {
		if b.command != nil {
			b.end(syscall.SIGKILL)
		}
	})
	return b
}

func (b *broker) start() {
	b.t.Helper()
	b.command = exec.Command(neighbour(b.t, "MOSQUITTO_BIN"), "-c", b.config)
	b.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.command.Start(); err != nil {
		b.t.Fatal(err)
	}
	eventually(b.t, patience, "the broker", func() error {
		c, err := net.Dial("tcp", b.addr)
		if err != nil {
			return err
		}
		return c.Close()
	})
}

// end sends a signal that ends the broker, and waits for that.
func (b *broker) end(s syscall.Signal) {
	b.t.Helper()
	if err := b.command.Process.Signal(s); err != nil {
		b.t.Fatal(err)
	}
	_ = b.command.Wait() // says that a signal has ended it
	b.command = nil
}

// forget deletes what the broker has kept: sessions, queues, retained messages.
func (b *broker) forget() {
	b.t.Helper()
	if err := os.RemoveAll(b.data); err != nil {
		b.t.Fatal(err)
	}
	if err := os.Mkdir(b.data, 0o700); err != nil {
		b.t.Fatal(err)
	}
}

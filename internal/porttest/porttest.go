// Package porttest gives tests ports to listen on later: those of a program that has to be
// found again after a restart, or that is told its address in a file.
package porttest

import (
	"math/rand/v2"
	"net"
	"strconv"
	"testing"
)

// The ports are below those that the systems take for outgoing connections, one of which
// could have it by then, and above those of well-known services.
const (
	first = 12000
	count = 18000
)

// Port is one of the loopback interface that nobody listens on.
func Port(t testing.TB) string {
	t.Helper()
	for range 100 {
		port := strconv.Itoa(first + rand.IntN(count)) //nolint:gosec // a port, not a secret
		l, err := net.Listen("tcp", "127.0.0.1:"+port)
		if err != nil {
			continue // somebody has it
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		return port
	}
	t.Fatal("no port is free")
	return ""
}

// Address is one with such a port.
func Address(t testing.TB) string {
	t.Helper()
	return "127.0.0.1:" + Port(t)
}

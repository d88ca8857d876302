//go:build integration

package app_test

import (
	"context"
	"io"
	"net"
	"net/url"
	"sync"
	"testing"

	"pulltrail/internal/porttest"
)

// gate is a TCP port before a server that lets nobody through until it is opened.
type gate struct {
	addr, target string
	close        func() // what open has opened
}

func newGate(t *testing.T, target string) *gate {
	t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{addr: porttest.Address(t), target: u.Host, close: func() {}}
	t.Cleanup(func() { g.close() })
	return g
}

// open lets connections through until close.
func (g *gate) open(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", g.addr)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	ctx, cancel := context.WithCancel(context.Background())
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed below
			}
			all.Go(func() { join(ctx, t, client, g.target) })
		}
	})
	g.close = sync.OnceFunc(func() {
		cancel()
		if err := listener.Close(); err != nil {
			t.Error(err)
		}
		all.Wait()
	})
}

// join copies both ways until either side ends or ctx is done.
func join(ctx context.Context, t *testing.T, client net.Conn, target string) {
	server, err := new(net.Dialer).DialContext(ctx, "tcp", target)
	if err != nil {
		if ctx.Err() == nil {
			t.Errorf("dial %s: %v", target, err)
		}
		_ = client.Close()
		return
	}
	hangUp := func() { _ = client.Close(); _ = server.Close() } // either may be closed already
	defer context.AfterFunc(ctx, hangUp)()
	var both sync.WaitGroup
	both.Go(func() { defer hangUp(); _, _ = io.Copy(server, client) }) // ends with an error when hung up
	both.Go(func() { defer hangUp(); _, _ = io.Copy(client, server) })
	both.Wait()
}

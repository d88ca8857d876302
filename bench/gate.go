package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"sync"
)

// gate is a port before a server that takes connections and lets nothing through until
// it is opened: a server that is away and whose return is a moment, without the
// pauses of those who try again.
type gate struct {
	listener net.Listener
	target   string
	opened   chan struct{}
	cancel   context.CancelFunc
	all      sync.WaitGroup
}

// gate is one before OpenSearch; end takes it away.
func (r *rig) gate(ctx context.Context) (*gate, error) {
	target, err := url.Parse(r.opts.opensearch)
	if err != nil {
		return nil, err
	}
	return newGate(ctx, target.Host)
}

func newGate(ctx context.Context, target string) (*gate, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("gate: %w", err)
	}
	ctx, cancel := context.WithCancel(ctx)
	g := &gate{listener: listener, target: target, opened: make(chan struct{}), cancel: cancel}
	g.all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed
			}
			g.all.Go(func() { g.join(ctx, client) })
		}
	})
	return g, nil
}

func (g *gate) addr() string { return g.listener.Addr().String() }

func (g *gate) url() string { return "http://" + g.addr() }

// open lets everything through, for good. It is called once.
func (g *gate) open() { close(g.opened) }

// close ends all connections and waits for that.
func (g *gate) close() error {
	g.cancel()
	err := g.listener.Close()
	g.all.Wait()
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// end closes the gate. An error of it counts unless there is one.
func (g *gate) end(err *error) {
	if closing := g.close(); *err == nil {
		*err = closing
	}
}

// join copies both ways until either side ends or ctx is done. The kernel does the
// copying between sockets.
func (g *gate) join(ctx context.Context, client net.Conn) {
	defer func() { _ = client.Close() }() // may be closed already
	select {
	case <-g.opened:
	case <-ctx.Done():
		return
	}
	server, err := new(net.Dialer).DialContext(ctx, "tcp", g.target)
	if err != nil {
		return // the client sees that its connection ends
	}
	hangUp := func() { _ = client.Close(); _ = server.Close() }
	defer context.AfterFunc(ctx, hangUp)()
	defer hangUp()
	var both sync.WaitGroup
	both.Go(func() { defer hangUp(); _, _ = io.Copy(server, client) }) // ends with an error when hung up
	both.Go(func() { defer hangUp(); _, _ = io.Copy(client, server) })
	both.Wait()
}

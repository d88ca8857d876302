package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strconv"
	"time"
)

// window is how many messages may wait for the broker's confirmation.
const window = 10_000

// publisher sends numbered messages at QoS 1.
type publisher struct {
	wire     *wire
	topic    string
	generate generator

	unconfirmed chan struct{}
	failed      chan error // what ended the reading; buffered, closed behind it
	payload     []byte
}

func newPublisher(ctx context.Context, addr, topic string, generate generator) (*publisher, error) {
	w, err := dialWire(ctx, addr, "bench-pub-"+strconv.FormatInt(time.Now().UnixNano(), 36))
	if err != nil {
		return nil, err
	}
	p := &publisher{
		wire: w, topic: topic, generate: generate,
		unconfirmed: make(chan struct{}, window), failed: make(chan error, 1),
	}
	go p.read()
	return p, nil
}

// read counts confirmations until the connection ends.
func (p *publisher) read() {
	defer close(p.failed)
	for {
		kind, _, err := p.wire.next()
		if err == nil && kind != packetPuback {
			err = fmt.Errorf("unexpected packet of type %#x", kind)
		}
		if err != nil {
			p.failed <- err
			return
		}
		select {
		case <-p.unconfirmed:
		default:
			p.failed <- errors.New("the broker confirms more than was sent")
			return
		}
	}
}

// send sends the messages from (included) to (excluded) as fast as the broker
// confirms them, and returns when all of them are on their way.
func (p *publisher) send(ctx context.Context, from, to int) error {
	for n := from; n < to; n++ {
		select {
		case p.unconfirmed <- struct{}{}:
		default:
			if err := p.wait(ctx); err != nil {
				return err
			}
		}
		p.payload = p.generate(p.payload[:0], n)
		if err := p.wire.publish(p.topic, uint16(n%math.MaxUint16+1), p.payload); err != nil { //nolint:gosec // in range by the remainder
			return fmt.Errorf("publish: %w", err)
		}
	}
	if err := p.wire.out.Flush(); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	return nil
}

// wait takes a place in the window.
func (p *publisher) wait(ctx context.Context) error {
	if err := p.wire.out.Flush(); err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	select {
	case p.unconfirmed <- struct{}{}:
		return nil
	case err, first := <-p.failed:
		if !first {
			err = net.ErrClosed
		}
		return fmt.Errorf("publish: %w", err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// paced sends the messages from to to at a rate per second, each when it is due. sent,
// where not nil, is told just before each.
func (p *publisher) paced(ctx context.Context, from, to int, rate float64, sent func(n int)) error {
	start := time.Now()
	for n := from; n < to; n++ {
		due := start.Add(time.Duration(float64(n-from) / rate * float64(time.Second)))
		if err := sleep(ctx, time.Until(due)); err != nil {
			return err
		}
		if sent != nil {
			sent(n)
		}
		if err := p.send(ctx, n, n+1); err != nil {
			return err
		}
	}
	return nil
}

// close ends the connection. What is unconfirmed may be lost.
func (p *publisher) close() error {
	err := p.wire.close()
	for range p.failed { // until nothing is read any more
	}
	return err
}

// sleep waits; its error is that of ctx.
func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

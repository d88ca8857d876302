//go:build integration

package faulttest

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"pulltrail/internal/porttest"
)

// The packets of MQTT that the tap understands, by the upper half of their first byte.
const (
	packetConnect = 0x10
	packetPublish = 0x30
	packetPuback  = 0x40
)

// tap is a port before the broker that hands everything on, packet by packet, and reads
// which numbers were delivered and which of them were acknowledged.
type tap struct {
	addr   string
	target string // the broker
	close  func() // what open has opened

	mu        sync.Mutex
	conns     map[net.Conn]struct{}
	delivered map[int]int // number to how often
	acked     map[int]bool
}

func newTap(t *testing.T, target string) *tap {
	t.Helper()
	p := &tap{addr: porttest.Address(t), target: target, conns: map[net.Conn]struct{}{}, delivered: map[int]int{}, acked: map[int]bool{}}
	p.open(t)
	t.Cleanup(func() { p.close() })
	return p
}

// open listens, until close.
func (p *tap) open(t *testing.T) {
	t.Helper()
	listener, err := net.Listen("tcp", p.addr)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return // closed below
			}
			all.Go(func() { p.join(client) })
		}
	})
	p.close = sync.OnceFunc(func() {
		_ = listener.Close()
		p.cut()
		all.Wait()
	})
}

// cut ends all connections.
func (p *tap) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

// acknowledged are the numbers that the program has acknowledged so far.
func (p *tap) acknowledged() []int {
	p.mu.Lock()
	defer p.mu.Unlock()
	numbers := make([]int, 0, len(p.acked))
	for n := range p.acked {
		numbers = append(numbers, n)
	}
	return numbers
}

// deliveries is how often a number was delivered so far.
func (p *tap) deliveries(n int) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.delivered[n]
}

func (p *tap) join(client net.Conn) {
	broker, err := net.Dial("tcp", p.target)
	if err != nil {
		_ = client.Close() // as if the broker had not listened
		return
	}
	p.mu.Lock()
	p.conns[client], p.conns[broker] = struct{}{}, struct{}{}
	p.mu.Unlock()
	hangUp := func() { _ = client.Close(); _ = broker.Close() }
	var pending sync.Map // packet id to number, of this connection
	var version atomic.Int32
	var both sync.WaitGroup
	both.Go(func() {
		defer hangUp()
		_ = relay(broker, client, func(kind byte, body []byte) { p.fromBroker(&pending, version.Load(), kind, body) })
	})
	both.Go(func() {
		defer hangUp()
		_ = relay(client, broker, func(kind byte, body []byte) {
			if kind == packetConnect && len(body) > len("..MQTT") {
				version.Store(int32(body[len("..MQTT")]))
			}
			p.fromProgram(&pending, kind, body)
		})
	})
	both.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.conns, client)
	delete(p.conns, broker)
}

// relay hands packets on, each after it was looked at, until either side ends.
func relay(from io.Reader, to io.Writer, look func(kind byte, body []byte)) error {
	in := bufio.NewReaderSize(from, 64<<10)
	out := bufio.NewWriterSize(to, 64<<10)
	for {
		if in.Buffered() == 0 {
			if err := out.Flush(); err != nil {
				return err
			}
		}
		kind, err := in.ReadByte()
		if err != nil {
			return err
		}
		length, err := binary.ReadUvarint(in) // the same form as MQTT's
		if err != nil {
			return err
		}
		body := make([]byte, length)
		if _, err := io.ReadFull(in, body); err != nil {
			return err
		}
		look(kind, body)
		head := binary.AppendUvarint([]byte{kind}, length)
		if _, err := out.Write(head); err != nil {
			return err
		}
		if _, err := out.Write(body); err != nil {
			return err
		}
	}
}

func (p *tap) fromBroker(pending *sync.Map, version int32, kind byte, body []byte) {
	if kind&0xf0 != packetPublish || kind&0x06 == 0 {
		return
	}
	id, payload, err := splitPublish(version, body)
	if err != nil {
		return // the program will say so
	}
	if n, ok := numberOf(payload); ok {
		pending.Store(id, n)
		p.mu.Lock()
		p.delivered[n]++
		p.mu.Unlock()
	}
}

func (p *tap) fromProgram(pending *sync.Map, kind byte, body []byte) {
	if kind&0xf0 != packetPuback || len(body) < 2 {
		return
	}
	if n, ok := pending.LoadAndDelete(binary.BigEndian.Uint16(body)); ok {
		p.mu.Lock()
		p.acked[n.(int)] = true
		p.mu.Unlock()
	}
}

// splitPublish takes a PUBLISH packet with QoS 1 apart.
func splitPublish(version int32, body []byte) (id uint16, payload []byte, err error) {
	if len(body) < 2 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	rest := body[2:]
	topic := int(binary.BigEndian.Uint16(body))
	if len(rest) < topic+2 {
		return 0, nil, io.ErrUnexpectedEOF
	}
	rest = rest[topic:]
	id = binary.BigEndian.Uint16(rest)
	if version < 5 { // it has no properties
		return id, rest[2:], nil
	}
	properties, n := binary.Uvarint(rest[2:])
	if n <= 0 || uint64(len(rest)-2-n) < properties {
		return 0, nil, fmt.Errorf("properties of %d bytes", properties)
	}
	return id, rest[2+n+int(properties):], nil //nolint:gosec // bounded above
}

// numberOf is the number of a document; a snapshot and a poisoned message have none.
func numberOf(payload []byte) (int, bool) {
	rest, ok := bytes.CutPrefix(payload, []byte(`{"n":`))
	if !ok {
		return 0, false
	}
	digits, _, _ := bytes.Cut(rest, []byte(","))
	n, err := strconv.Atoi(string(digits))
	return n, err == nil
}

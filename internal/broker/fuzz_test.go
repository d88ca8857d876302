package broker

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/mochi-mqtt/server/v2/packets"
)

// openings are what a connection sends before the bytes of FuzzConnection: nothing, or a
// CONNECT.
var openings = []string{
	"",
	hello("fuzzed", 0, 0, ""),
	hello("fuzzed", 0, 3600, ""),
	hello("fuzzed", 0x04|0x20|0x08, 3600, "\x05\x18\x00\x00\x00\x01"+text("will/fuzzed")+text("gone")), // delayed, retained, QoS 1
	framed(0x10, "\x00\x04MQTT\x04\x02\x00\x00"+text("fuzzed")),
	framed(0x10, "\x00\x04MQTT\x04\x04\x00\x00"+text("fuzzed")+text("will/fuzzed")+text("gone")),
	framed(0x10, "\x00\x06MQIsdp\x03\x02\x00\x00"+text("fuzzed")),
}

// FuzzConnection sends bytes to a broker on a connection of their own, next to a client that
// gets every message. Whatever they are, the process must live, the connection must leave
// nothing behind, and other clients must be served.
func FuzzConnection(f *testing.F) {
	publish := text("a/b") + "\x00hello"
	for _, bytes := range []string{
		"",
		panics,
		framed(0x82, "\x00\x01\x00"+text("a/#")+"\x01"+text("$share/g/a/+")+"\x02") + framed(0x30, publish) +
			framed(0x33, text("a/b")+"\x00\x02\x00hello") + framed(0x34, text("a/c")+"\x00\x03\x00hello") + "\x62\x02\x00\x03" + "\x40\x02\x00\x01" +
			framed(0xa2, "\x00\x04\x00"+text("a/#")) + "\xc0\x00\xe0\x00",
		framed(0x82, "\x00\x01"+text("#")+"\x02") + framed(0x31, text("a/b")+"hello") + "\x50\x02\x00\x01\x70\x02\x00\x01",
		framed(0x31, text("a")+"\x03\x23\x00\x01x") + framed(0x31, text("")+"\x03\x23\x00\x01y"),
		"\xf0\x02\x18\x00\xe0\x07\x04\x05\x11\x00\x00\x00\x09",
		hello("again", 0, 0, ""),
	} {
		for opening := range openings {
			f.Add(byte(opening), []byte(bytes)) //nolint:gosec // there are few
		}
	}
	b, end := servingWith(f, Options{Listen: "127.0.0.1:0", ClientID: "pulltrail", Log: slog.New(slog.DiscardHandler)})
	f.Cleanup(end)
	b.server.Options.Capabilities.MaximumClientWritesPending = 1 << 10 // half a megabyte for each client takes time
	var unknown atomic.Pointer[string]
	b.door.crashes.report = func(cause any, stack []byte) {
		if !bytes.Contains(stack, []byte("packets.(*Packet).SubscribeDecode")) { // mochi-mqtt/server#501
			said := fmt.Sprintf("%v\n%s", cause, stack)
			unknown.Store(&said)
		}
	}
	observer, _ := pipe(f, b)
	write(f, observer, hello("observer", 0, 0, ""))
	packet(f, observer)
	write(f, observer, framed(0x82, "\x00\x01\x00"+text("#")+"\x00"))
	go func() { _, _ = io.Copy(io.Discard, observer) }()
	f.Cleanup(func() { _ = observer.Close() })
	f.Fuzz(func(t *testing.T, opening byte, data []byte) {
		c, ended := pipe(t, b)
		read := make(chan struct{})
		go func() {
			defer close(read)
			_, _ = io.Copy(io.Discard, c)
		}()
		_, _ = io.WriteString(c, openings[int(opening)%len(openings)]+string(data)) // fails where the broker hangs up
		_ = c.Close()
		<-read
		select {
		case <-ended:
		case <-time.After(time.Minute):
			t.Fatal("the broker does not end the connection")
		}
		if said := unknown.Swap(nil); said != nil {
			t.Errorf("a panic that is not known: %s", *said)
		}
		leavesNothing(t, b)
		probe(t, b)
	})
}

// pipe is a connection to the broker without a network; ended is closed when the broker is
// done with it.
func pipe(t testing.TB, b *Broker) (c net.Conn, ended <-chan struct{}) {
	t.Helper()
	near, far := net.Pipe()
	if !b.listeners[0].add(near) {
		t.Fatal("the broker refuses a connection")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.listeners[0].handle(near, b.server.EstablishConnection)
	}()
	return far, done
}

// leavesNothing checks that only the observer is connected, ends the sessions of others and
// clears what they have retained.
func leavesNothing(t testing.TB, b *Broker) {
	t.Helper()
	if n := atomic.LoadInt64(&b.server.Info.ClientsConnected); n != 1 {
		t.Errorf("%d clients are counted as connected", n)
	}
	b.door.handover.mu.Lock()
	if n := len(b.door.doors); n != 0 {
		t.Errorf("%d client ids are locked", n)
	}
	b.door.handover.mu.Unlock()
	if passing, _ := b.door.left(); passing != 0 {
		t.Errorf("%d messages are on their way", passing)
	}
	for id, c := range b.server.Clients.GetAll() {
		if c.Net.Inline || id == "observer" {
			continue
		}
		if !c.Closed() {
			t.Errorf("the client %q is not closed", id)
		}
		b.door.endSession(c)
	}
	for topic := range b.server.Topics.Retained.GetAll() {
		b.server.Topics.RetainMessage(packets.Packet{TopicName: topic})
	}
	if n := atomic.LoadInt64(&b.server.Info.Subscriptions); n != 1 {
		t.Errorf("%d subscriptions are counted", n)
	}
}

// probe checks that a new client is served.
func probe(t testing.TB, b *Broker) {
	t.Helper()
	c, ended := pipe(t, b)
	defer func() {
		_ = c.Close()
		<-ended
	}()
	_ = c.SetDeadline(time.Now().Add(time.Minute))
	write(t, c, hello("probe", 0, 0, ""))
	packet(t, c)
	write(t, c, framed(0x82, "\x00\x01\x00"+text("probe")+"\x00"))
	for first, _ := packet(t, c); first != 0x90; first, _ = packet(t, c) {
	}
	write(t, c, framed(0x30, text("probe")+"\x00alive"))
	for first, rest := packet(t, c); first != 0x30 || string(rest) != text("probe")+"\x00alive"; first, rest = packet(t, c) {
	}
}

package broker

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// limited gives a broker with small limits.
func limited(t *testing.T) (b *Broker, end func()) {
	t.Helper()
	b, end = serving(t)
	b.door.budget.limits = limits{retained: 20 << 10, queued: 24 << 10, queuedEach: 16 << 10, filters: 3, filterLevels: 10, away: 4}
	return b, end
}

// roundTrip sends packets, then a PINGREQ, and gives what comes before its answer.
func roundTrip(t testing.TB, c net.Conn, packets string) (got []string) {
	t.Helper()
	write(t, c, packets+"\xc0\x00")
	for {
		first, rest := packet(t, c)
		if first == 0xd0 {
			return got
		}
		got = append(got, string([]byte{first})+string(rest))
	}
}

// message reads until a message has come, and gives the bytes of its packet.
func message(t testing.TB, c net.Conn) int {
	t.Helper()
	for {
		if first, rest := packet(t, c); first&0xf0 == 0x30 {
			return len(rest)
		}
	}
}

func count(b *Broker, limit string) float64 {
	return testutil.ToFloat64(b.door.metrics.limited.WithLabelValues(limit))
}

func TestRetainedMessagesAreLimitedInBytes(t *testing.T) {
	b, end := limited(t)
	defer end()
	c := greet(t, b, hello("c", 0, 0, ""))
	defer c.Close()
	retained := func(topic string, size int) string {
		return framed(0x31, text(topic)+"\x00"+strings.Repeat("x", size))
	}
	has := func(topic string, size int) {
		t.Helper()
		p, ok := b.server.Topics.Retained.Get(topic)
		if ok != (size > 0) || len(p.Payload) != size {
			t.Errorf("%s: %d bytes are retained, want %d", topic, len(p.Payload), size)
		}
	}
	roundTrip(t, c, framed(0x82, "\x00\x01\x00"+text("b")+"\x00"+text("a")+"\x00"+text("will")+"\x00"))
	write(t, c, retained("a", 8<<10)+retained("b", 6<<10))
	message(t, c)
	message(t, c)
	has("a", 8<<10)
	has("b", 6<<10)
	// It reaches those who are subscribed, and the older one is not the newest any more.
	write(t, c, retained("b", 10<<10))
	if n := message(t, c); n < 10<<10 {
		t.Errorf("a message of %d bytes", n)
	}
	has("b", 0)
	if n := count(b, limitRetained); n != 1 {
		t.Errorf("%v were limited", n)
	}
	roundTrip(t, c, retained("a", 0)+retained("b", 10<<10))
	has("a", 0)
	has("b", 10<<10)
	if err := b.Retain("own", make([]byte, 100<<10)); err != nil { // the process itself is not limited
		t.Fatal(err)
	}
	has("own", 100<<10)
	// A level costs memory too, and a will is a message.
	roundTrip(t, c, retained("b", 0)+retained("own", 1))
	roundTrip(t, c, retained(strings.Repeat("l/", 30), 1))
	has(strings.Repeat("l/", 30), 0)
	w := greet(t, b, hello("w", 0x24, 0, "\x00"+text("will")+text(strings.Repeat("w", 30<<10))))
	_ = w.Close()
	for message(t, c) < 30<<10 { // the rest of the messages, and then the will
	}
	has("will", 0)
	roundTrip(t, c, retained("own", 0))
	b.door.budget.mu.Lock()
	defer b.door.budget.mu.Unlock()
	if n := b.door.budget.retainedBytes; n != 0 || len(b.door.budget.retainedOf) != 0 {
		t.Errorf("%d bytes are counted in the end", n)
	}
}

func TestWaitingMessagesAreLimitedInBytes(t *testing.T) {
	b, end := limited(t)
	defer end()
	subscribe := framed(0x82, "\x00\x01\x00"+text("q")+"\x02")
	for _, id := range []string{"one", "two"} {
		c := greet(t, b, hello(id, 0, 3600, ""))
		roundTrip(t, c, subscribe)
		write(t, c, "\xe0\x00")
		untilClosed(t, c)
	}
	c := greet(t, b, hello("c", 0, 0, ""))
	defer c.Close()
	for id := range byte(10) {
		roundTrip(t, c, framed(0x34, text("q")+"\x00"+string([]byte{id + 1})+"\x00"+strings.Repeat("x", 3<<10))+"\x62\x02\x00"+string([]byte{id + 1}))
	}
	kept := func(id string) int {
		s, ok := b.server.Clients.Get(id)
		if !ok {
			t.Fatalf("the session %s is gone", id)
		}
		return s.State.Inflight.Len()
	}
	// Each is 4 KiB and a few bytes: three fit into a session, five into all.
	if one, two := kept("one"), kept("two"); one > 3 || two > 3 || one+two != 5 {
		t.Errorf("%d and %d messages wait", one, two)
	}
	if n := count(b, limitQueued); n != 15 {
		t.Errorf("%v were limited", n)
	}
	for _, id := range []string{"one", "two"} { // reads them at QoS 2, and makes room
		session := greet(t, b, strings.Replace(hello(id, 0, 3600, ""), "\x05\x02", "\x05\x00", 1))
		for n := kept(id); n > 0; {
			switch first, rest := packet(t, session); first & 0xf0 {
			case 0x30: // a PUBLISH at QoS 2, of the topic q
				write(t, session, "\x50\x02"+string(rest[3:5]))
			case 0x60: // a PUBREL
				write(t, session, "\x70\x02"+string(rest[:2]))
				n--
			}
		}
		roundTrip(t, session, "")
		write(t, session, "\xe0\x00")
		untilClosed(t, session)
	}
	b.door.budget.mu.Lock()
	defer b.door.budget.mu.Unlock()
	if n := b.door.budget.queuedBytes; n != 0 || len(b.door.budget.queues) != 0 {
		t.Errorf("%d bytes are counted in the end", n)
	}
}

func TestSubscriptionsAreLimited(t *testing.T) {
	b, end := limited(t)
	defer end()
	subscribe := func(filters ...string) string {
		rest := "\x00\x01\x00"
		for _, f := range filters {
			rest += text(f) + "\x00"
		}
		return framed(0x82, rest)
	}
	c := greet(t, b, hello("c", 0, 0, ""))
	defer c.Close()
	other := greet(t, b, framed(0x10, "\x00\x04MQTT\x04\x02\x00\x00"+text("other")))
	defer other.Close()
	codes := func(c net.Conn, packets, want string) {
		t.Helper()
		got := roundTrip(t, c, packets)
		if len(got) != 1 || !strings.HasSuffix(got[0], want) {
			t.Errorf("got %x, want %x", got, want)
		}
	}
	codes(c, subscribe("a", "b"), "\x00\x00\x00")
	codes(c, subscribe("a", "c", "d", "a#"), "\x00\x00\x97\x8f")
	codes(c, framed(0xa2, "\x00\x01\x00"+text("b")), "\x00\x00")
	codes(c, subscribe("d"), "\x00\x00")
	codes(other, framed(0x82, "\x00\x01"+text("1/2/3/4/5/6/7/8")+"\x00"+text("1/2/3/4/5/6/7")+"\x00"), "\x80\x00") // ten levels in all
	if n := count(b, limitSubscriptions); n != 2 {
		t.Errorf("%v were limited", n)
	}
}

func TestSessionsThatAreAwayAreLimited(t *testing.T) {
	b, end := limited(t)
	defer end()
	for n := range 8 {
		c, ended := pipe(t, b)
		write(t, c, hello(fmt.Sprint(n), 0, 3600, ""))
		packet(t, c)
		_ = c.Close()
		<-ended
	}
	if n := b.server.Clients.Len(); n != 5 { // the broker itself is one
		t.Errorf("%d sessions", n)
	}
	if _, ok := b.server.Clients.Get("7"); !ok {
		t.Error("the newest is gone")
	}
	if n := count(b, limitSessions); n != 4 {
		t.Errorf("%v were limited", n)
	}
}

// Otherwise up to 65,535 messages would be queued for a client that reads nothing.
func TestMessagesAtQoS0WaitForAClientThatIsBeingWrittenTo(t *testing.T) {
	b, end := serving(t)
	defer end()
	slow := greet(t, b, hello("slow", 0, 0, ""))
	defer slow.Close()
	roundTrip(t, slow, framed(0x82, "\x00\x01\x00"+text("a")+"\x00"))
	s, _ := b.server.Clients.Get("slow")
	s.Lock() // as mochi does while it writes
	publisher, ended := pipe(t, b)
	defer func() { <-ended }()
	defer publisher.Close()
	write(t, publisher, hello("publisher", 0, 0, ""))
	packet(t, publisher)
	_ = publisher.SetWriteDeadline(time.Now().Add(time.Second))
	message := framed(0x30, text("a")+"\x00"+strings.Repeat("x", bufferSize))
	var err error
	for range 10 {
		if _, err = io.WriteString(publisher, message); err != nil {
			break
		}
	}
	s.Unlock()
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("all messages were taken: %v", err)
	}
}

package broker

import (
	"bytes"
	"encoding/binary"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// panics is a SUBSCRIBE without the options of its filter, which panics in mochi 2.7.9
// (mochi-mqtt/server#501).
const panics = "\x82\x05\x00\x01\x00\x00\x00"

// hello is a CONNECT of MQTT 5 with a clean start.
func hello(id string, flags byte, expiry uint32, rest string) string {
	properties := "\x05\x11" + string(binary.BigEndian.AppendUint32(nil, expiry))
	return framed(0x10, "\x00\x04MQTT\x05"+string([]byte{flags | 2})+"\x00\x00"+properties+text(id)+rest)
}

func text(s string) string {
	return string(binary.BigEndian.AppendUint16(nil, uint16(len(s)))) + s //nolint:gosec // it fits
}

// framed is a packet of a first byte and what follows its length.
func framed(first byte, rest string) string {
	return string(binary.AppendUvarint([]byte{first}, uint64(len(rest)))) + rest
}

// packet reads one packet: its first byte and what follows its length.
func packet(t testing.TB, r io.Reader) (first byte, rest []byte) {
	t.Helper()
	head := make([]byte, 2)
	_, err := io.ReadFull(r, head)
	length, shift, last := int(head[1]&0x7f), 7, head[1]
	for ; err == nil && last >= 0x80; shift += 7 {
		next := make([]byte, 1)
		_, err = io.ReadFull(r, next)
		last = next[0]
		length |= int(last&0x7f) << shift
	}
	if err == nil {
		rest = make([]byte, length)
		_, err = io.ReadFull(r, rest)
	}
	if err != nil {
		t.Fatal(err)
	}
	return head[0], rest
}

// greet connects and reads the CONNACK.
func greet(t testing.TB, b *Broker, connect string) net.Conn {
	t.Helper()
	c := say(t, b, connect)
	if first, rest := packet(t, c); first != 0x20 || rest[1] != 0 {
		t.Fatalf("CONNACK: %x %x", first, rest)
	}
	return c
}

func write(t testing.TB, c net.Conn, packets string) {
	t.Helper()
	if _, err := io.WriteString(c, packets); err != nil {
		t.Fatal(err)
	}
}

// untilClosed reads until the broker has closed the connection.
func untilClosed(t testing.TB, c net.Conn) {
	t.Helper()
	_, _ = io.Copy(io.Discard, c) // a reset is an end too
	_ = c.Close()
}

// It would end the process.
func TestAPanicEndsOneConnectionWithItsSession(t *testing.T) {
	var log bytes.Buffer
	b, end := servingWith(t, Options{Listen: "127.0.0.1:0", Log: slog.New(slog.NewTextHandler(&log, nil))})
	registry := prometheus.NewRegistry()
	if err := b.Register(registry); err != nil {
		t.Fatal(err)
	}
	other := greet(t, b, hello("other", 0, 0, ""))
	defer other.Close()
	write(t, other, framed(0x82, "\x00\x01\x00"+text("left/#")+"\x00"))
	if first, _ := packet(t, other); first != 0x90 {
		t.Fatalf("no SUBACK but %x", first)
	}
	for _, c := range []struct {
		name   string
		expiry uint32
	}{{"clean", 0}, {"kept", 3600}} {
		// With a will at QoS 0 of the topic left/NAME.
		client := greet(t, b, hello(c.name, 4, c.expiry, "\x00"+text("left/"+c.name)+text("gone")))
		write(t, client, framed(0x82, "\x00\x01\x00"+text("inbox")+"\x01"))
		packet(t, client)
		write(t, client, panics)
		if first, rest := packet(t, other); first != 0x30 || string(rest) != text("left/"+c.name)+"\x00gone" {
			t.Errorf("%s: instead of the will: %x %q", c.name, first, rest)
		}
		untilClosed(t, client)
	}
	stranger := say(t, b, framed(0x10, strings.Repeat("\xff", 40)))
	untilClosed(t, stranger)
	write(t, other, "\xc0\x00")
	if first, _ := packet(t, other); first != 0xd0 {
		t.Errorf("no PINGRESP but %x", first)
	}
	end() // waits for the connections
	if _, ok := b.server.Clients.Get("clean"); ok {
		t.Error("the session that ends with its connection is left")
	}
	if kept, ok := b.server.Clients.Get("kept"); !ok || kept.StopTime() == 0 {
		t.Error("the session that outlives its connection is gone, or never expires")
	}
	for what, is := range map[string]int64{
		"connected clients": atomic.LoadInt64(&b.server.Info.ClientsConnected),
		"subscriptions":     atomic.LoadInt64(&b.server.Info.Subscriptions) - 1, // that of "kept"
	} {
		if is != 0 {
			t.Errorf("%d %s are counted still", is, what)
		}
	}
	if n := strings.Count(log.String(), "closed a connection after a panic"); n != 2 || !strings.Contains(log.String(), "client_id=clean") {
		t.Errorf("%d lines in the log:\n%s", n, log.String())
	}
	const want = "# HELP pulltrail_broker_panics_total Connections to the embedded broker that a panic has ended.\n" +
		"# TYPE pulltrail_broker_panics_total counter\npulltrail_broker_panics_total 2\n"
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "pulltrail_broker_panics_total"); err != nil {
		t.Error(err)
	}
}

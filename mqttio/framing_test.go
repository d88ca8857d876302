package mqttio

import (
	"bytes"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/eclipse/paho.golang/packets"
)

func TestFramingFollowsPackets(t *testing.T) {
	var stream []byte
	ends := map[int]bool{}
	for _, size := range []int{0, 1, 127, 128, 1100, 16_383, 16_384, 2_097_151, 2_097_152} {
		stream = append(stream, 0x30)
		for n := size; ; n >>= 7 {
			if n < 0x80 {
				stream = append(stream, byte(n))
				break
			}
			stream = append(stream, byte(n)|0x80)
		}
		stream = append(stream, make([]byte, size)...)
		ends[len(stream)] = true
	}
	for _, step := range []int{1, 3, 4096, len(stream)} {
		var f framing
		for at := 0; at < len(stream); at += step {
			to := min(at+step, len(stream))
			if got := f.pass(stream[at:to]); got != ends[to] {
				t.Fatalf("in steps of %d, a packet ends at %d: %v, want %v", step, to, got, ends[to])
			}
		}
	}
}

// TestPahoReadsPacketsAsTheyWereSent also where each ends with an io.EOF.
func TestPahoReadsPacketsAsTheyWereSent(t *testing.T) {
	publish := &packets.Publish{Topic: "t", QoS: 1, PacketID: 7, Payload: []byte(strings.Repeat("x", 1000)), Properties: &packets.Properties{}}
	var stream bytes.Buffer
	const n = 200
	for range n {
		if _, err := publish.WriteTo(&stream); err != nil {
			t.Fatal(err)
		}
	}
	c := newConn(readOnly{r: &stream})
	for range n {
		packet, err := packets.ReadPacket(c)
		if err != nil {
			t.Fatal(err)
		}
		if got := packet.Content.(*packets.Publish); !bytes.Equal(got.Payload, publish.Payload) {
			t.Fatalf("got %d bytes", len(got.Payload))
		}
	}
	if _, err := packets.ReadPacket(c); err == nil || c.why() != "the broker has closed the connection" {
		t.Errorf("the stream ends with %v, because %s", err, c.why())
	}
}

// readOnly is a connection that can be read.
type readOnly struct {
	net.Conn
	r io.Reader
}

func (c readOnly) Read(p []byte) (int, error) { return c.r.Read(p) }
func (readOnly) Close() error                 { return nil }

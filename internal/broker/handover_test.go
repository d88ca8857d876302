package broker

import (
	"errors"
	"io"
	"log/slog"
	"net"
	"testing"
	"testing/synctest"
	"time"

	mqtt "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
)

// A client that comes again because its network has gone would wait for the connection that
// it has lost.
func TestTheConnectionBeforeIsNotWaitedForLong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, err := New(Options{Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		connect := func() (*mqtt.Client, net.Conn) {
			near, far := net.Pipe()
			c := b.server.NewClient(newStranger(near), "pipe", "again", false)
			t.Cleanup(func() { c.Stop(nil) })
			return c, far
		}
		old, deaf := connect()
		b.server.Clients.Add(old)
		next, _ := connect()
		begun := time.Now()
		b.door.OnSessionEstablish(next, packets.Packet{})
		connection(next).give()
		if _, err := deaf.Read(make([]byte, 1)); !errors.Is(err, io.EOF) || time.Since(begun) != farewell {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
	})
}

package broker

import (
	"io"
	"log/slog"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"pulltrail/internal/passhash"
)

// hash is one that a test makes.
type hash func(password string) bool

func (h hash) Matches(password string) bool { return h(password) }

// All clients come at once when the broker is there again, and would wait for one hash each.
func TestOneHashLetsAUserInManyTimesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u, err := newUsers(nil, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		var computed atomic.Int64
		u.turns = make(chan struct{}, 1)
		u.hashes = map[string]passhash.Hash{"home": hash(func(string) bool { computed.Add(1); return true })}
		u.turns <- struct{}{}
		var all sync.WaitGroup
		for range 100 {
			all.Go(func() {
				if u.check(netip.Prefix{}, "home", "correct horse", nil) != right {
					t.Error("one is not let in")
				}
			})
		}
		synctest.Wait() // until all of them want a turn
		<-u.turns
		all.Wait()
		if n := computed.Load(); n != 1 {
			t.Errorf("%d hashes", n)
		}
	})
}

// The room of the process itself would be taken.
func TestThoseWhoComeInWhileAPasswordIsCheckedAreCounted(t *testing.T) {
	b, end := serving(t)
	defer end()
	b.door.hashes["home"] = hash(func(string) bool {
		atomic.StoreInt64(&b.server.Info.ClientsConnected, maxConnections)
		return true
	})
	c := say(t, b, "\x10\x17\x00\x04MQTT\x05\xc2\x00\x1e\x00\x00\x01x\x00\x04home\x00\x01x")
	defer c.Close()
	answer := make([]byte, 4)
	if _, err := io.ReadFull(c, answer); err != nil {
		t.Fatal(err)
	}
	if busy := byte(0x89); answer[3] != busy {
		t.Errorf("%x", answer)
	}
}

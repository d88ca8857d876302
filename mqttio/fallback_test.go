package mqttio

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/url"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/eclipse/paho.golang/packets"
)

// bubbleBroker is a broker in the time of a synctest bubble. Its connections are pipes.
type bubbleBroker struct {
	mu     sync.Mutex
	answer func(c net.Conn, version byte) (serve bool) // to a CONNECT packet; nil: nobody is there
	tries  map[byte]int                                // connections by version; 0 for nobody was there
	open   map[net.Conn]struct{}
}

const bubbleURL = "mqtt://broker:1883"

// set changes how the broker answers, and ends all connections.
func (b *bubbleBroker) set(answer func(net.Conn, byte) bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.answer, b.tries = answer, map[byte]int{}
	for c := range b.open {
		_ = c.Close()
	}
}

// tried returns how many connections there were since set.
func (b *bubbleBroker) tried(version byte) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tries[version]
}

func (b *bubbleBroker) dial(context.Context, *url.URL, *tls.Config) (*conn, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.answer == nil {
		b.tries[0]++
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	near, far := net.Pipe()
	if b.open == nil {
		b.open = map[net.Conn]struct{}{}
	}
	b.open[far] = struct{}{}
	go b.serve(far, b.answer)
	return newConn(eofPipe{near}), nil
}

// serve answers a CONNECT packet and then pings.
func (b *bubbleBroker) serve(c net.Conn, answer func(net.Conn, byte) bool) {
	defer func() {
		_ = c.Close()
		b.mu.Lock()
		defer b.mu.Unlock()
		delete(b.open, c)
	}()
	packet := make([]byte, connBuffer)
	n, err := c.Read(packet)
	if err != nil || n < 9 {
		return
	}
	version := packet[8]
	b.mu.Lock()
	b.tries[version]++
	b.mu.Unlock()
	if !answer(c, version) {
		return
	}
	for {
		n, err := c.Read(packet)
		if err != nil {
			return
		}
		if packet[0] == packets.PINGREQ<<4 && n == 2 {
			if _, err := c.Write([]byte{packets.PINGRESP << 4, 0}); err != nil {
				return
			}
		}
	}
}

// eofPipe reads the end of a pipe as a network connection would.
type eofPipe struct{ net.Conn }

func (p eofPipe) Read(b []byte) (int, error) {
	n, err := p.Conn.Read(b)
	if err == io.ErrClosedPipe { //nolint:errorlint // net.Pipe returns this very one
		err = net.ErrClosed
	}
	return n, err
}

// The answers of brokers. Each takes MQTT 3.1.1 and answers MQTT 5 as its name says.
func only311(answer5 func(net.Conn)) func(net.Conn, byte) bool {
	return func(c net.Conn, version byte) bool {
		if version == version311 {
			_, err := c.Write([]byte{0x20, 2, 0, 0})
			return err == nil
		}
		answer5(c)
		return false
	}
}

func both(c net.Conn, version byte) bool {
	ack := []byte{0x20, 3, 0, 0, 0}
	if version == version311 {
		ack = []byte{0x20, 2, 0, 0}
	}
	_, err := c.Write(ack)
	return err == nil
}

func drops(c net.Conn, version byte) bool {
	both(c, version)
	return false
}

func closes(net.Conn, byte) bool { return false }

// inBubble runs a session at a broker in a bubble.
func inBubble(t *testing.T, answer func(net.Conn, byte) bool, test func(t *testing.T, b *bubbleBroker, l *link, memory *checks)) {
	synctest.Test(t, func(t *testing.T) {
		b, memory := &bubbleBroker{}, &checks{}
		b.set(answer)
		l := bubbleLink(t, b, memory)
		test(t, b, l, memory)
	})
}

// bubbleLink starts a session, which ends with the test or when stop is called.
func bubbleLink(t *testing.T, b *bubbleBroker, memory VersionMemory) *link {
	t.Helper()
	l, err := newLink(testConfig(), bubbleURL, "test", memory, new(logbook).logger())
	if err != nil {
		t.Fatal(err)
	}
	l.open = b.dial
	l.counts = newMetrics("publisher").link()
	l.serve = func(ctx context.Context, _ connection) { <-ctx.Done() }
	start(t, func(ctx context.Context) error {
		l.run(ctx)
		return nil
	})
	return l
}

func (l *link) isUp() bool {
	synctest.Wait()
	return l.state.state().Connected
}

func TestABrokerThatRejectsMQTT5ClearlyIsAskedOnceADay(t *testing.T) {
	for _, name := range []string{"with a packet of its own version", "with a packet of both versions", "with a packet of MQTT 5"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, only311(versionRefusals[name]), func(t *testing.T, b *bubbleBroker, l *link, memory *checks) {
				time.Sleep(2 * time.Minute)
				if !l.isUp() || b.tried(5) != 1 || b.tried(version311) != 1 {
					t.Errorf("%d attempts with MQTT 5 and %d with 3.1.1 in 2 minutes, want 1 and 1", b.tried(5), b.tried(version311))
				}
				time.Sleep(3 * recheckVersion)
				if !l.isUp() || b.tried(5) != 4 || b.tried(version311) != 1 {
					t.Errorf("%d attempts with MQTT 5 and %d with 3.1.1 after 3 days, want 4 and 1", b.tried(5), b.tried(version311))
				}
				if !memory.done(bubbleURL) {
					t.Error("it is not remembered")
				}
			})
		})
	}
}

func TestABrokerThatDoesNotAnswerToMQTT5IsConnectedToWithinSeconds(t *testing.T) {
	for _, name := range []string{"by closing the connection", "by keeping the connection and no answer"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, only311(versionRefusals[name]), func(t *testing.T, b *bubbleBroker, l *link, memory *checks) {
				time.Sleep(2*defaultPace().hasty + 2*time.Second)
				if !l.isUp() {
					t.Fatal("not connected")
				}
				time.Sleep(connectTimeout)
				if b.tried(5) != unclear5+1 || b.tried(version311) != 1 || !memory.done(bubbleURL) {
					t.Errorf("%d attempts with MQTT 5 and %d with 3.1.1, want 3 and 1; remembered: %v", b.tried(5), b.tried(version311), memory.done(bubbleURL))
				}
				b.set(only311(versionRefusals[name])) // a restart
				time.Sleep(time.Second)
				if !l.isUp() || b.tried(5) != 0 || b.tried(version311) != 1 {
					t.Errorf("after a restart: %d attempts with MQTT 5 and %d with 3.1.1", b.tried(5), b.tried(version311))
				}
				other := bubbleLink(t, b, memory)
				time.Sleep(time.Second)
				if !other.isUp() || b.tried(5) != 0 {
					t.Errorf("another session makes %d attempts with MQTT 5", b.tried(5))
				}
			})
		})
	}
}

func TestABrokerThatSupportsMQTT5LaterIsConnectedToInMQTT5WithinADay(t *testing.T) {
	inBubble(t, only311(versionRefusals["by closing the connection"]), func(t *testing.T, b *bubbleBroker, l *link, memory *checks) {
		other := bubbleLink(t, b, memory)
		time.Sleep(time.Minute)
		b.set(both)
		time.Sleep(recheckVersion - time.Hour)
		if n := b.tried(5); n != 0 {
			t.Errorf("%d attempts with MQTT 5 on the first day", n)
		}
		time.Sleep(2 * time.Hour)
		if !l.isUp() || !other.isUp() || l.silent || other.silent || b.tried(version311) != 2 {
			t.Errorf("connected %v and %v, in MQTT 3.1.1 %v and %v", l.isUp(), other.isUp(), l.silent, other.silent)
		}
		if n := b.tried(5); n > 4 {
			t.Errorf("%d attempts with MQTT 5 by two sessions", n)
		}
		if len(memory.at) != 0 {
			t.Error("it is remembered that the broker does not support MQTT 5")
		}
	})
}

func TestAProxyBeforeABrokerThatIsDownDoesNotDecideTheVersion(t *testing.T) {
	inBubble(t, closes, func(t *testing.T, b *bubbleBroker, l *link, memory *checks) {
		for b.tried(5) < unclear5 { // the next attempt is in MQTT 3.1.1
			time.Sleep(10 * time.Millisecond)
		}
		b.set(both)
		time.Sleep(5 * time.Second)
		if !l.isUp() || l.silent || len(memory.at) != 0 || b.tried(version311) != 1 {
			t.Errorf("connected: %v, in MQTT 3.1.1: %v, %d attempts with it, remembered: %v", l.isUp(), l.silent, b.tried(version311), memory.at)
		}
	})
}

func TestACheckThatPromisesMQTT5InVainIsNotRepeatedAtOnce(t *testing.T) {
	answer := only311(func(net.Conn) {})
	inBubble(t, answer, func(t *testing.T, b *bubbleBroker, l *link, memory *checks) {
		time.Sleep(time.Minute)
		b.set(func(c net.Conn, version byte) bool {
			b.mu.Lock()
			first := version == 5 && b.tries[5] == 1
			b.mu.Unlock()
			return first && both(c, version) || answer(c, version)
		})
		time.Sleep(recheckVersion + time.Hour)
		if !l.isUp() || !l.silent || b.tried(5) != 1+unclear5 {
			t.Errorf("connected: %v, in MQTT 3.1.1: %v, %d attempts with MQTT 5, want 3", l.isUp(), l.silent, b.tried(5))
		}
		if !memory.done(bubbleURL) {
			t.Error("it is not remembered")
		}
	})
}

func TestABrokerThatEndsEveryConnectionAtOnceIsNotCalledAllTheTime(t *testing.T) {
	for name, version := range map[string]string{"MQTT 5": Version5, "MQTT 3.1.1": Version311} {
		t.Run(name, func(t *testing.T) {
			was := spoken
			spoken = version
			defer func() { spoken = was }()
			inBubble(t, drops, func(t *testing.T, b *bubbleBroker, _ *link, _ *checks) {
				time.Sleep(2 * time.Minute)
				n := b.tried(5) + b.tried(version311)
				t.Logf("%d connections in 2 minutes", n)
				if n > 60 {
					t.Errorf("%d connections in 2 minutes", n)
				}
			})
		})
	}
}

func TestABrokerThatReturnsIsConnectedToWithinFiveSeconds(t *testing.T) {
	const patience = 5 * time.Second
	rabbit := only311(versionRefusals["by closing the connection"])
	for name, up := range map[string]func(net.Conn, byte) bool{
		"MQTT 5":                both,
		"closes MQTT 5":         rabbit,
		"rejects MQTT 5":        only311(versionRefusals["with a packet of both versions"]),
		"does not answer to it": only311(versionRefusals["by keeping the connection and no answer"]),
	} {
		for _, down := range []time.Duration{3 * time.Second, time.Minute, time.Hour} {
			t.Run(name+" after "+down.String(), func(t *testing.T) {
				inBubble(t, up, func(t *testing.T, b *bubbleBroker, l *link, _ *checks) {
					time.Sleep(time.Minute)
					if !l.isUp() {
						t.Fatal("not connected")
					}
					b.set(nil)
					time.Sleep(down)
					b.set(closes) // it listens and is starting
					time.Sleep(20 * time.Second)
					b.set(up)
					time.Sleep(patience)
					if !l.isUp() {
						t.Errorf("not connected after %v", patience)
					}
				})
			})
		}
	}
}

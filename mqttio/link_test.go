package mqttio

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"pulltrail/internal/porttest"
)

func TestABrokerThatComesLaterIsCaughtUpWith(t *testing.T) {
	b, url, stop := startBroker(t, porttest.Address(t))
	address := b.Addr().String()
	stop()
	o, kept, book := newOutbox(pending("a", 1)), &store{}, &logbook{}
	opts := subscriberOptions(url, kept)
	opts.Confirm, opts.Log = o.Confirm, book.logger()
	s := newTestSubscriber(t, testConfig(), opts)
	start(t, s.Run)
	p := newTestPublisher(t, testConfig(), url, o)
	start(t, p.Run)
	eventually(t, "an error in both states", func() bool {
		return strings.Contains(s.State().Err, "connection refused") && strings.Contains(p.State().Err, address)
	})
	if s.State().Connected {
		t.Error("it is connected to nothing")
	}
	startBroker(t, address)
	eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
	eventually(t, "good states", func() bool { return s.State().Err == "" && p.State().Err == "" && s.State().Connected })
	if n := book.count("no connection to the broker"); n != 1 {
		t.Errorf("one state is logged %d times", n)
	}
}

func TestABrokerThatGoesAndComesBackIsCaughtUpWith(t *testing.T) {
	b, url, stop := startBroker(t, porttest.Address(t))
	address := b.Addr().String()
	o, kept := newOutbox(pending("a", 1)), &store{}
	opts := subscriberOptions(url, kept)
	opts.Confirm = o.Confirm
	s := newTestSubscriber(t, testConfig(), opts)
	start(t, s.Run)
	ready(t, s)
	p := newTestPublisher(t, testConfig(), url, o)
	start(t, p.Run)
	eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
	stop()
	eventually(t, "states that say so", func() bool { return !s.State().Connected && !p.State().Connected && p.State().Err != "" })
	o.add(pending("a", 2))
	startBroker(t, address) // one that knows nothing of the session or the messages before
	eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
	if kept.times("ns/a@2") == 0 {
		t.Error("the snapshot is confirmed and not stored")
	}
	if n := testutil.ToFloat64(s.link.counts.connections); n < 2 {
		t.Errorf("%v connections are counted", n)
	}
}

func TestTwoProcessesWithOneClientIDAreTold(t *testing.T) {
	_, url, _ := startBroker(t, "127.0.0.1:0")
	book := &logbook{}
	opts := subscriberOptions(url, &store{})
	opts.Log = book.logger()
	one := newTestSubscriber(t, testConfig(), opts)
	start(t, one.Run)
	ready(t, one)
	stopOther := start(t, newTestSubscriber(t, testConfig(), opts).Run)
	said := func() bool {
		return strings.Contains(one.State().Err, "another client uses the id test") && strings.Contains(one.State().Err, "mqtt.client_id")
	}
	eventually(t, "the first hears of it", said)
	eventually(t, "the first is back, and still says so", func() bool { return one.State().Connected && said() })
	eventually(t, "some turns", func() bool { return testutil.ToFloat64(one.link.counts.connections) > 4 })
	if n := book.count("session taken over by another client"); n > 2 {
		t.Errorf("it is logged %d times by two", n)
	}
	stopOther()
}

func TestTheTakeoverIsForgottenWhenTheConnectionStands(t *testing.T) {
	_, url, _ := startBroker(t, "127.0.0.1:0")
	one := newTestSubscriber(t, testConfig(), subscriberOptions(url, &store{}))
	one.link.pace.settled = 50 * time.Millisecond
	start(t, one.Run)
	ready(t, one)
	other := newTestSubscriber(t, testConfig(), subscriberOptions(url, &store{}))
	stop := start(t, other.Run)
	eventually(t, "the first hears of it", func() bool { return one.link.state.has(faultTakeover) })
	stop()
	eventually(t, "a good state", func() bool { return one.State().Connected && one.State().Err == "" })
}

func TestTLSVerifiesTheBroker(t *testing.T) {
	b, _, _ := startBroker(t, "127.0.0.1:0")
	ca, address := startTLS(t, b)
	t.Run("with its CA", func(t *testing.T) {
		cfg := testConfig()
		cfg.TLS.CAFile = ca
		o, kept := newOutbox(pending("a", 1)), &store{}
		opts := subscriberOptions("mqtts://"+address, kept)
		opts.Confirm = o.Confirm
		s := newTestSubscriber(t, cfg, opts)
		start(t, s.Run)
		ready(t, s)
		start(t, newTestPublisher(t, cfg, "ssl://"+address, o).Run)
		eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
	})
	t.Run("without its CA it says the remedy", func(t *testing.T) {
		p := newTestPublisher(t, testConfig(), "mqtts://"+address, newOutbox())
		start(t, p.Run)
		eventually(t, "the remedy", func() bool { return strings.Contains(p.State().Err, "mqtt.tls.ca_file") })
	})
	t.Run("where the broker speaks no TLS it says so", func(t *testing.T) {
		p := newTestPublisher(t, testConfig(), "mqtts://"+b.Addr().String(), newOutbox())
		p.link.pace.answer = time.Second
		start(t, p.Run)
		eventually(t, "an error", func() bool { return p.State().Err != "" })
	})
}

func TestACertificateThatIsNotVerifiedIsWarnedOf(t *testing.T) {
	for _, c := range []struct {
		broker string
		times  int
	}{{"mqtts://127.0.0.1:1", 1}, {"wss://127.0.0.1:1", 1}, {"mqtt://127.0.0.1:1", 0}} {
		cfg, book := testConfig(), &logbook{}
		cfg.TLS.InsecureSkipVerify = true
		if _, err := NewPublisher(cfg, PublisherOptions{Outbox: newOutbox(), Log: book.logger(), Broker: c.broker, ClientID: "test"}); err != nil {
			t.Fatal(err)
		}
		if n := book.count("the certificate of the broker is not verified"); n != c.times {
			t.Errorf("%s: it is said %d times", c.broker, n)
		}
	}
}

// startTLS puts encryption in front of a broker, and gives its CA's file and its
// address.
func startTLS(t *testing.T, b addressed) (ca, address string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	proxy(t, l, b.Addr().String())
	return ca, l.Addr().String()
}

// proxy passes connections on until the test ends.
func proxy(t *testing.T, l net.Listener, to string) {
	var running sync.WaitGroup
	running.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			running.Go(func() {
				defer near.Close()
				far, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				defer far.Close()
				running.Go(func() {
					_, _ = io.Copy(far, near)
					_ = far.Close()
				})
				_, _ = io.Copy(near, far)
			})
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		running.Wait()
	})
}

// fakeBroker answers packets as a test says; it serves one connection at a time.
func fakeBroker(t *testing.T, answer func(*packets.ControlPacket) *packets.ControlPacket) (url string) {
	t.Helper()
	return serveEach(t, func(c net.Conn) {
		for {
			packet, err := packets.ReadPacket(c)
			if err != nil {
				return
			}
			if reply := answer(packet); reply != nil {
				if _, err := reply.WriteTo(c); err != nil {
					return
				}
			}
		}
	})
}

// serveEach calls serve for one connection after the other, until the test ends.
func serveEach(t *testing.T, serve func(net.Conn)) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var present net.Conn
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			present = c
			mu.Unlock()
			serve(c)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		if present != nil {
			_ = present.Close()
		}
		mu.Unlock()
		<-done
	})
	return "mqtt://" + l.Addr().String()
}

// connack, puback and suback are answers of a fakeBroker.
func connack(code byte, change func(*packets.Properties)) *packets.ControlPacket {
	p := packets.NewControlPacket(packets.CONNACK)
	p.Content.(*packets.Connack).ReasonCode = code
	if change != nil {
		change(p.Content.(*packets.Connack).Properties)
	}
	return p
}

func puback(to *packets.ControlPacket, code byte) *packets.ControlPacket {
	p := packets.NewControlPacket(packets.PUBACK)
	p.Content.(*packets.Puback).PacketID = to.Content.(*packets.Publish).PacketID
	p.Content.(*packets.Puback).ReasonCode = code
	return p
}

func suback(to *packets.ControlPacket, codes ...byte) *packets.ControlPacket {
	p := packets.NewControlPacket(packets.SUBACK)
	p.Content.(*packets.Suback).PacketID = to.Content.(*packets.Subscribe).PacketID
	p.Content.(*packets.Suback).Reasons = codes
	return p
}

func TestARefusedConnectionNamesTheRemedy(t *testing.T) {
	url := fakeBroker(t, func(*packets.ControlPacket) *packets.ControlPacket { return connack(0x86, nil) })
	p := newTestPublisher(t, testConfig(), url, newOutbox())
	start(t, p.Run)
	eventually(t, "the remedy", func() bool { return strings.Contains(p.State().Err, "mqtt.password") })
}

func TestARefusedSubscriptionNamesItsFilterAndIsTriedAgain(t *testing.T) {
	asked := make(chan []packets.SubOptions, 1000)
	url := fakeBroker(t, func(p *packets.ControlPacket) *packets.ControlPacket {
		switch c := p.Content.(type) {
		case *packets.Connect:
			return connack(0, nil)
		case *packets.Subscribe:
			asked <- c.Subscriptions
			if len(c.Subscriptions) == 2 {
				return suback(p, 1, 0x87)
			}
			if len(asked) < 5 {
				return suback(p, 0x87)
			}
			return suback(p, 1)
		}
		return nil
	})
	opts := subscriberOptions(url, &store{})
	opts.Filters = []string{"granted", "secret/#"}
	book := &logbook{}
	opts.Log = book.logger()
	s := newTestSubscriber(t, testConfig(), opts)
	start(t, s.Run)
	eventually(t, "the error", func() bool { return strings.Contains(s.State().Err, "secret/#") })
	eventually(t, "the subscription", func() bool { return s.State().Err == "" && s.State().Detail == "" })
	<-asked
	for range len(asked) {
		if again := <-asked; len(again) != 1 || again[0].Topic != "secret/#" {
			t.Errorf("asked again for %v", again)
		}
	}
	if n := book.count("subscription failed"); n != 1 {
		t.Errorf("one state is logged %d times", n)
	}
}

func TestARefusedSnapshotIsAStateAndHoldsNothingUp(t *testing.T) {
	url := fakeBroker(t, func(p *packets.ControlPacket) *packets.ControlPacket {
		switch c := p.Content.(type) {
		case *packets.Connect:
			return connack(0, func(p *packets.Properties) { size := uint32(200); p.MaximumPacketSize = &size })
		case *packets.Publish:
			switch c.Topic {
			case "t/ns/a":
				return puback(p, 0x87)
			case "t/ns/b":
				return puback(p, 16)
			}
			return puback(p, 0)
		}
		return nil
	})
	o := newOutbox(pending("a", 1), pending("b", 2), pending("c", 3))
	p := newTestPublisher(t, testConfig(), url, o)
	start(t, p.Run)
	eventually(t, "the refusal", func() bool {
		return strings.Contains(p.State().Err, "ns/a@1 is not accepted") && strings.Contains(p.State().Err, "permit")
	})
	eventually(t, "the detail", func() bool { return strings.Contains(p.State().Detail, "nobody is subscribed to t/ns/b") })
	for _, result := range []string{resultAccepted, resultNoSubscribers, resultRefused} {
		if testutil.ToFloat64(p.counts.published.WithLabelValues(result)) == 0 {
			t.Errorf("nothing is counted as %s", result)
		}
	}
	large := pending("large", 4)
	large.Payload = make([]byte, 300)
	o.add(large)
	if err := o.Confirm(t.Context(), []string{"ns/a@1", "ns/b@2"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a state about the large one only", func() bool {
		state := p.State()
		return state.Connected && state.Detail == "" && strings.Contains(state.Err, "ns/large@4") && strings.Contains(state.Err, "the broker takes 200")
	})
}

func TestAnAnswerThatIsMissingEndsTheConnection(t *testing.T) {
	var mu sync.Mutex
	connections := 0
	url := fakeBroker(t, func(p *packets.ControlPacket) *packets.ControlPacket {
		mu.Lock()
		defer mu.Unlock()
		switch p.Type {
		case packets.CONNECT:
			connections++
			return connack(0, nil)
		case packets.PUBLISH:
			if connections > 1 {
				return puback(p, 0)
			}
		}
		return nil
	})
	p := newTestPublisher(t, testConfig(), url, newOutbox(pending("a", 1)))
	p.link.pace.answer = 100 * time.Millisecond
	start(t, p.Run)
	eventually(t, "the answer on another connection", func() bool {
		return testutil.ToFloat64(p.counts.published.WithLabelValues(resultAccepted)) > 0
	})
}

func TestAnAcknowledgementForAnotherConnectionIsNotSent(t *testing.T) {
	s := newSession()
	near, far := net.Pipe()
	defer far.Close()
	go func() { _, _ = io.Copy(io.Discard, far) }()
	c := newConn(near)
	connected := func(c *conn) {
		if err := s.ConAckReceived(c, packets.NewControlPacket(packets.CONNECT).Content.(*packets.Connect), packets.NewControlPacket(packets.CONNACK).Content.(*packets.Connack)); err != nil {
			t.Fatal(err)
		}
	}
	connected(c)
	items := []item{{packetID: 7}, {}}
	if n := s.acknowledge(c, items); n != 1 {
		t.Errorf("%d of one message is acknowledged", n)
	}
	if err := s.ConnectionLost(nil); err != nil {
		t.Fatal(err)
	}
	if n := s.acknowledge(c, items); n != 0 {
		t.Error("a message is acknowledged without a connection")
	}
	another := newConn(near)
	connected(another)
	if n := s.acknowledge(c, items); n != 0 {
		t.Error("a message is acknowledged by another connection")
	}
	if n := s.acknowledge(another, items); n != 1 {
		t.Errorf("%d messages are acknowledged, one is of this connection", n)
	}
	_ = s.ConnectionLost(nil)
	_ = c.Close()
}

func TestMessagesAreAcknowledgedByTheConnectionsThatTheyCameBy(t *testing.T) {
	one, two := &counting{}, &counting{}
	if n := acknowledge([]item{{by: one}, {by: one}, {by: two}, {by: one}, {by: two}}); n != 5 {
		t.Errorf("%d of 5 are acknowledged", n)
	}
	if one.n != 3 || two.n != 2 {
		t.Errorf("%d and %d are acknowledged", one.n, two.n)
	}
	if n := acknowledge(nil); n != 0 {
		t.Errorf("%d of none", n)
	}
}

// counting is a connection that counts what it acknowledges.
type counting struct {
	connection
	n int
}

func (c *counting) acknowledge(items []item) int {
	c.n += len(items)
	return len(items)
}

func TestPausesStayWithinTheirBounds(t *testing.T) {
	for n := range 100 {
		for range 20 {
			d := jittered(time.Second, time.Minute, n)
			if d < time.Second || d > time.Minute || (n == 0 && d > 2*time.Second) || (n > 10 && d < 30*time.Second) {
				t.Fatalf("attempt %d comes after %v", n, d)
			}
		}
	}
}

func TestANetworkErrorReadsTheSameEachTime(t *testing.T) {
	err := errors.New("read tcp 127.0.0.1:54321->192.0.2.1:1883: connection reset by peer")
	if got := stable(err.Error()); got != "read tcp 192.0.2.1:1883: connection reset by peer" {
		t.Errorf("it reads %q", got)
	}
}

func TestThePauseDependsOnHowTheLastAttemptsHaveEnded(t *testing.T) {
	p := defaultPace()
	p.least, p.away, p.most, p.short, p.shortMost = time.Second, 2*time.Second, time.Minute, 2*time.Second, 4*time.Second
	for _, c := range []struct {
		name        string
		retries     retries
		least, most time.Duration
	}{
		{"the first attempt is made at once", retries{}, 0, 0},
		{"a broker that rejects us is asked less and less often", retries{rejected, 20}, 30 * time.Second, time.Minute},
		{"one that does not answer may be starting", retries{noAnswer, 1000}, 2 * time.Second, 4 * time.Second},
		{"one that is down is asked as soon as it may be back", retries{away, 20}, time.Second, 2 * time.Second},
		{"one that stays down is asked a little less often", retries{away, quickTries}, 4 * time.Second, 8 * time.Second},
		{"after a connection that lasted there is no reason to wait", retries{stood, 20}, time.Second, 2 * time.Second},
		{"after one that ended at once there is", retries{endedAtOnce, 0}, 2 * time.Second, 4 * time.Second},
		{"and not more and more", retries{endedAtOnce, 1000}, 2 * time.Second, 4 * time.Second},
	} {
		if got := c.retries.pause(p); got < c.least || got > c.most {
			t.Errorf("%s: %v, want %v to %v", c.name, got, c.least, c.most)
		}
	}
}

func TestEndingsAreCountedForEachKind(t *testing.T) {
	var r retries
	for i, want := range []retries{{away, 0}, {away, 1}, {away, 2}, {noAnswer, 0}, {noAnswer, 1}, {away, 0}} {
		if r.ended(want.last); r != want {
			t.Errorf("after %d attempts: %+v, want %+v", i+1, r, want)
		}
	}
}

func TestAnAttemptThatFailsIsClassified(t *testing.T) {
	for _, c := range []struct {
		err  error
		want ending
	}{
		{&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, away},
		{&net.OpError{Op: "read", Err: syscall.ECONNRESET}, noAnswer},
		{io.EOF, noAnswer},
		{context.DeadlineExceeded, noAnswer},
		{&refusal{code: codeForbidden}, rejected},
		{&refusal{code: codeUnavailable}, noAnswer},
		{explainTLS(&tls.CertificateVerificationError{Err: errors.New("expired")}), rejected},
	} {
		if got := endingOf(c.err); got != c.want {
			t.Errorf("%v: %d, want %d", c.err, got, c.want)
		}
	}
}

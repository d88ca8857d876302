package mqttio

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// older makes a front admit only connections of MQTT 3.1.1; refuse says no to the others.
func older(front *front, refuse func(net.Conn)) (asked *atomic.Int64) {
	asked = new(atomic.Int64)
	front.mu.Lock()
	defer front.mu.Unlock()
	front.admit = func(c net.Conn) ([]byte, bool) {
		var head bytes.Buffer
		in := io.TeeReader(c, &head)
		if _, err := io.ReadFull(in, make([]byte, 1)); err != nil {
			return nil, false
		}
		length, err := binary.ReadUvarint(oneByOne{in})
		if err != nil {
			return nil, false
		}
		packet := make([]byte, length)
		if _, err := io.ReadFull(in, packet); err != nil {
			return nil, false
		}
		if packet[len("..MQTT")] <= version311 {
			return head.Bytes(), true
		}
		asked.Add(1)
		refuse(c)
		return nil, false
	}
	return asked
}

type oneByOne struct{ io.Reader }

func (r oneByOne) ReadByte() (byte, error) {
	var b [1]byte
	_, err := io.ReadFull(r, b[:])
	return b[0], err
}

// versionRefusals are what brokers do that do not support MQTT 5.
var versionRefusals = map[string]func(net.Conn){
	"with a packet of its own version":        func(c net.Conn) { _, _ = c.Write([]byte{0x20, 2, 0, 1}) },
	"with a packet of both versions":          func(c net.Conn) { _, _ = c.Write([]byte{0x20, 3, 0, 1, 0}) },           // Moquette 0.17
	"with a packet of MQTT 5":                 func(c net.Conn) { _, _ = c.Write([]byte{0x20, 3, 0, codeVersion, 0}) }, // NATS, aedes
	"by closing the connection":               func(net.Conn) {},                                                       // RabbitMQ 3.10
	"by keeping the connection and no answer": func(c net.Conn) { _, _ = io.Copy(io.Discard, c) },                      // amqtt 0.12
}

// checks is a VersionMemory.
type checks struct {
	mu   sync.Mutex
	at   map[string]time.Time
	fail error
}

func (c *checks) MQTT5Rejected(_ context.Context, broker string) (time.Time, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at[broker], c.fail
}

func (c *checks) SetMQTT5Rejected(_ context.Context, broker string, at time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return c.fail
	}
	if c.at == nil {
		c.at = map[string]time.Time{}
	}
	c.at[broker] = at
	if at.IsZero() {
		delete(c.at, broker)
	}
	return nil
}

// done reports whether a check has found that the broker does not support MQTT 5.
func (c *checks) done(broker string) bool {
	at, _ := c.MQTT5Rejected(context.Background(), broker)
	return at.After(uncheckedYet)
}

// hasten makes a session give up early on a broker that does not answer.
func (l *link) hasten() { l.pace.hasty, l.pace.check = 200*time.Millisecond, 200*time.Millisecond }

func TestABrokerThatRefusesMQTT5IsSpokenToInMQTT311(t *testing.T) {
	for name, refuse := range versionRefusals {
		t.Run(name, func(t *testing.T) {
			b, _, _ := startBroker(t, "127.0.0.1:0")
			front := newFront(t, b.Addr().String())
			url := "mqtt://" + front.addr
			asked := older(front, refuse)
			o, kept, book, memory := newOutbox(pending("a", 1)), &store{}, &logbook{}, &checks{}
			opts := subscriberOptions(url, kept)
			opts.Confirm, opts.Log, opts.Versions = o.Confirm, book.logger(), memory
			s := newTestSubscriber(t, testConfig(), opts)
			s.link.hasten()
			start(t, s.Run)
			ready(t, s)
			eventually(t, "a check", func() bool { return memory.done(url) })
			before := asked.Load()
			p, err := NewPublisher(testConfig(), PublisherOptions{
				Outbox: o, Log: book.logger(), Broker: url, ClientID: "test", Versions: memory,
			})
			if err != nil {
				t.Fatal(err)
			}
			p.link.pace = quick()
			start(t, p.Run)
			for n := range 4 {
				eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
				front.cut()
				o.add(pending("a", 2+n))
			}
			eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
			if asked.Load() != before {
				t.Error("MQTT 5 is tried though it is known to be rejected")
			}
			if n := book.count("broker does not support MQTT 5"); n != 1 {
				t.Errorf("it is logged %d times", n)
			}
			if book.count("mqtt_version=3.1.1") == 0 {
				t.Error("the version is not logged")
			}
			if n := book.count("set mqtt.version to auto"); n != 0 {
				t.Error("the remedy that is logged is what is configured")
			}
		})
	}
}

func TestABrokerThatRefusesMQTT5IsNotSpokenToWhereNothingElseIsConfigured(t *testing.T) {
	for name, want := range map[string]string{
		"with a packet of its own version": "set mqtt.version to auto",
		"with a packet of both versions":   "set mqtt.version to auto",
		"with a packet of MQTT 5":          "set mqtt.version to auto",
		"by closing the connection":        "the broker has closed the connection",
	} {
		t.Run(name, func(t *testing.T) {
			front := newFront(t, "")
			older(front, versionRefusals[name])
			cfg := testConfig()
			cfg.Version = Version5
			p := newTestPublisher(t, cfg, "mqtt://"+front.addr, newOutbox())
			start(t, p.Run)
			eventually(t, "the remedy", func() bool { return strings.Contains(p.State().Err, want) })
			if _, err := Probe(t.Context(), cfg, "mqtt://"+front.addr); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Probe = %v", err)
			}
		})
	}
}

func TestAProbeFindsTheVersion(t *testing.T) {
	for name, refuse := range versionRefusals {
		t.Run(name, func(t *testing.T) {
			b, _, _ := startBroker(t, "127.0.0.1:0")
			front := newFront(t, b.Addr().String())
			older(front, refuse)
			l, err := newLink(testConfig(), "mqtt://"+front.addr, checkID(), nil, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			l.hasten()
			if found, err := l.probe(t.Context(), testConfig()); err != nil || found != "MQTT 3.1.1" {
				t.Errorf("Probe = %q, %v", found, err)
			}
		})
	}
}

func TestTheVersionIsChosenByWhatTheBrokerDoes(t *testing.T) {
	said := func(first ...byte) *conn { return &conn{first: first} }
	silent, failed, forbidden := &conn{}, errors.New("failed"), &refusal{code: codeForbidden}
	refuses := said(0x20, 2, 0, 1)
	type attempt struct {
		five  bool // is expected
		c     *conn
		err   error
		again bool // is expected
	}
	const is5, is311 = true, false
	unclear := attempt{is5, silent, failed, false}
	for name, attempts := range map[string][]attempt{
		"a clear answer is believed":            {{is5, refuses, failed, true}, {is311, silent, nil, false}, {is311, silent, failed, false}, {is311, silent, nil, false}},
		"in the form of MQTT 5 too":             {{is5, said(0x20, 3, 0, 1), failed, true}, {is311, silent, nil, false}},
		"a refusal for another reason is none":  {{is5, silent, forbidden, false}, {is5, silent, forbidden, false}, {is5, silent, forbidden, false}},
		"and ends what was unclear":             {unclear, {is5, silent, forbidden, false}, unclear, {is5, silent, nil, false}},
		"two unclear ones are followed by 311":  {unclear, unclear, {is311, silent, nil, false}, {is311, silent, failed, false}, {is311, silent, nil, false}},
		"whoever answers nothing is asked both": {unclear, unclear, {is311, silent, failed, false}, unclear, unclear, {is311, silent, failed, false}},
		"a broker that supports no 311 anymore": {{is5, refuses, failed, true}, {is311, silent, nil, false}, {is311, refuses, failed, true}, {is5, silent, nil, false}},
		"one that supports neither":             {{is5, refuses, failed, true}, {is311, refuses, failed, true}, {is5, refuses, failed, true}},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVersions(VersionAuto, "mqtt://b", nil, new(logbook).logger())
			for i, a := range attempts {
				if _, five := v.next(); five != a.five {
					t.Fatalf("attempt %d is made in MQTT 5: %v", i, five)
				}
				if again := v.tried(t.Context(), a.five, a.c, a.err); again != a.again {
					t.Fatalf("after attempt %d another is made at once: %v", i, again)
				}
			}
		})
	}
}

func TestABrokerThatAnswersNothingInMQTT311IsAskedInMQTT5AtTimes(t *testing.T) {
	memory := &checks{at: map[string]time.Time{"mqtt://b": time.Now()}}
	v := newVersions(VersionAuto, "mqtt://b", memory, new(logbook).logger())
	five := 0
	for range 10 * (unclear311 + 1) {
		v.recall(t.Context())
		_, is5 := v.next()
		if is5 {
			five++
		}
		v.tried(t.Context(), is5, &conn{}, errors.New("failed"))
	}
	if five != 10 {
		t.Errorf("%d of the attempts are in MQTT 5", five)
	}
	if !memory.done("mqtt://b") {
		t.Error("it is forgotten what the broker supports")
	}
}

func TestAMemoryThatFailsHoldsNothingUpAndIsLoggedOnce(t *testing.T) {
	b, _, _ := startBroker(t, "127.0.0.1:0")
	front := newFront(t, b.Addr().String())
	older(front, versionRefusals["with a packet of both versions"])
	o, book := newOutbox(pending("a", 1)), &logbook{}
	opts := subscriberOptions("mqtt://"+front.addr, &store{})
	opts.Confirm, opts.Log, opts.Versions = o.Confirm, book.logger(), &checks{fail: errors.New("disk full")}
	s := newTestSubscriber(t, testConfig(), opts)
	start(t, s.Run)
	for range 3 {
		ready(t, s)
		front.cut()
		eventually(t, "another connection", func() bool { return s.State().Connected })
	}
	if n := book.count("disk full"); n != 1 {
		t.Errorf("it is logged %d times", n)
	}
}

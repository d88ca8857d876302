package mqttio

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
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

// versionRefusals are what brokers do that do not speak MQTT 5.
var versionRefusals = map[string]func(net.Conn){
	"with a packet of its own version": func(c net.Conn) { _, _ = c.Write([]byte{0x20, 2, 0, 1}) },
	"with a packet of MQTT 5":          func(c net.Conn) { _, _ = c.Write([]byte{0x20, 3, 0, codeVersion, 0}) },
	"by closing the connection":        func(net.Conn) {},
}

func TestABrokerThatRefusesMQTT5IsSpokenToInMQTT311(t *testing.T) {
	for name, refuse := range versionRefusals {
		t.Run(name, func(t *testing.T) {
			b, _, _ := startBroker(t, "127.0.0.1:0")
			front := newFront(t, b.Addr().String())
			asked := older(front, refuse)
			o, kept, book := newOutbox(pending("a", 1)), &store{}, &logbook{}
			opts := subscriberOptions("mqtt://"+front.addr, kept)
			opts.Confirm, opts.Log = o.Confirm, book.logger()
			s := newTestSubscriber(t, testConfig(), opts)
			start(t, s.Run)
			ready(t, s)
			p := newTestPublisher(t, testConfig(), "mqtt://"+front.addr, o)
			start(t, p.Run)
			eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
			for n := range 4 {
				front.cut()
				o.add(pending("a", 2+n))
				eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
			}
			before := asked.Load()
			front.cut()
			o.add(pending("a", 10))
			eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
			if asked.Load() != before {
				t.Error("MQTT 5 is tried though it is known to be refused")
			}
			if n := book.count("MQTT 3.1.1 is spoken"); n != 1 {
				t.Errorf("it is logged %d times", n)
			}
		})
	}
}

func TestABrokerThatRefusesMQTT5IsNotSpokenToWhereNothingElseIsConfigured(t *testing.T) {
	for name, want := range map[string]string{
		"with a packet of its own version": "set mqtt.version to auto",
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
			if err := Probe(t.Context(), cfg, "mqtt://"+front.addr); err == nil || !strings.Contains(err.Error(), want) {
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
			if err := Probe(t.Context(), testConfig(), "mqtt://"+front.addr); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestTheVersionIsChosenByWhatTheBrokerDoes(t *testing.T) {
	said := func(first ...byte) *conn { return &conn{first: first} }
	closes := &conn{cause: io.EOF}
	refuses, silent := said(0x20, 2, 0, 1), &conn{}
	failed := errors.New("failed")
	type attempt struct {
		five bool // is expected
		c    *conn
		err  error
	}
	for name, attempts := range map[string][]attempt{
		"a refusal is believed":                        {{true, refuses, failed}, {false, silent, nil}, {false, closes, failed}, {false, silent, nil}},
		"a refusal for another reason changes nothing": {{true, said(0x20, 3, 0, 0x86), failed}, {true, said(0x20, 3, 0, 0x86), failed}},
		"a broker that is away changes nothing":        {{true, silent, failed}, {true, silent, failed}, {true, silent, failed}, {true, silent, failed}},
		"one that closes twice is still asked in MQTT 5": {
			{true, closes, failed}, {true, closes, failed}, {true, silent, failed}, {true, closes, failed}, {true, closes, failed}, {true, silent, nil},
		},
		"one that closes whatever comes is asked in both": {
			{true, closes, failed}, {true, closes, failed}, {true, closes, failed}, {false, closes, failed}, {true, closes, failed},
		},
		"one that was away behind a proxy is asked in MQTT 5 again": {
			{true, closes, failed}, {true, closes, failed}, {true, closes, failed}, {false, silent, nil}, {true, silent, nil}, {true, closes, failed}, {true, silent, nil},
		},
		"one that closes once more after it took MQTT 3.1.1 is not": {
			{true, closes, failed}, {true, closes, failed}, {true, closes, failed}, {false, silent, nil}, {true, closes, failed}, {false, silent, nil}, {false, silent, nil},
		},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVersions(VersionAuto, new(logbook).logger())
			for i, a := range attempts {
				if _, five := v.next(); five != a.five {
					t.Fatalf("attempt %d is made in MQTT 5: %v", i, five)
				}
				v.tried(a.five, a.c, a.err)
			}
		})
	}
}

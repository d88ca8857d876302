package mqttio

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/document"
)

func TestTheBrokerKeepsWhatItIsToldTo(t *testing.T) {
	for _, version := range []string{Version5, Version311} {
		t.Run(version, func(t *testing.T) {
			b, url, _ := startBroker(t, "127.0.0.1:0")
			cfg := testConfig()
			cfg.Version = version
			p := newTestPublisher(t, cfg, url, newOutbox())
			if err := p.Retain(t.Context(), "ha/a", []byte("x")); err == nil || document.IsPermanent(err) {
				t.Errorf("without a connection: %v", err)
			}
			stop := start(t, p.Run)
			<-p.Opened()
			for topic, payload := range map[string]string{"ha/a": "one", "ha/b": "two"} {
				if err := p.Retain(t.Context(), topic, []byte(payload)); err != nil {
					t.Fatal(err)
				}
			}
			if err := p.Retain(t.Context(), "ha/a", nil); err != nil {
				t.Fatal(err)
			}
			late := connect(t, b, "late", "#")
			eventually(t, "what is kept", func() bool { return late.last("ha/b") == "two" })
			if late.last("ha/a") != "" {
				t.Error("what was taken back is still kept")
			}
			stop()
			if err := p.Retain(t.Context(), "ha/a", []byte("x")); err == nil {
				t.Error("it can be published after the end")
			}
		})
	}
}

func TestSnapshotsComeFirstOnAConnection(t *testing.T) {
	b, url, _ := startBroker(t, "127.0.0.1:0")
	other := connect(t, b, "other", "t/#", "ha/#")
	p := newTestPublisher(t, testConfig(), url, newOutbox(pending("a", 1), pending("b", 1), pending("c", 1)))
	p.link.pace.publish, p.link.pace.publishMost = time.Hour, time.Hour
	start(t, p.Run)
	<-p.Opened()
	if err := p.Retain(t.Context(), "ha/a", []byte("x")); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all", func() bool { return len(other.all()) == 4 })
	if got := other.all()[3].Topic; got != "ha/a" {
		t.Errorf("%s comes last", got)
	}
}

func TestEachConnectionIsSignalled(t *testing.T) {
	b, _, _ := startBroker(t, "127.0.0.1:0")
	front := newFront(t, b.Addr().String())
	p := newTestPublisher(t, testConfig(), "mqtt://"+front.addr, newOutbox())
	start(t, p.Run)
	for range 3 {
		<-p.Opened()
		if err := p.Retain(t.Context(), "ha/a", []byte("x")); err != nil {
			t.Fatal(err)
		}
		front.cut()
	}
	<-p.Opened()
}

// said is a connection that gives one answer to everything that is published.
type said struct {
	connection
	code  byte
	err   error
	over  chan struct{}
	waits bool
}

func (s said) limits() limits         { return limits{maxPacket: 1000, retain: true} }
func (s said) ended() <-chan struct{} { return s.over }

func (s said) publish(ctx context.Context, _ message) (byte, error) {
	if s.waits {
		<-ctx.Done()
		return 0, ctx.Err()
	}
	return s.code, s.err
}

func TestWhatTheBrokerSaysToAMessage(t *testing.T) {
	closed := make(chan struct{})
	close(closed)
	for name, test := range map[string]struct {
		connection said
		payload    string
		permanent  bool
		want       string
	}{
		"accepted":                    {said{}, "x", false, ""},
		"heard by nobody, yet kept":   {said{code: codeNoSubscribers}, "x", false, ""},
		"not permitted":               {said{code: codeForbidden, err: errors.New("it does not permit this")}, "x", true, "it does not permit this"},
		"not possible":                {said{err: invalid{errors.New("no such topic")}}, "x", true, "no such topic"},
		"too large":                   {said{}, strings.Repeat("x", 1000), true, "the broker takes 1000"},
		"a connection that has ended": {said{waits: true, over: closed}, "x", false, "canceled"},
		"an answer that stays away":   {said{waits: true}, "x", false, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newTestPublisher(t, testConfig(), "mqtt://127.0.0.1:1", newOutbox())
			if test.want == "deadline" {
				p.link.pace.answer = 10 * time.Millisecond
			}
			p.outlet.open(test.connection)
			err := p.Retain(t.Context(), "ha/a", []byte(test.payload))
			if document.IsPermanent(err) != test.permanent || (err != nil) != (test.want != "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

package app_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"pulltrail/internal/hubtest"
)

// olderBroker passes MQTT 3.1.1 on to a broker and answers MQTT 5 as Moquette 0.17 does. It
// counts those answers.
func olderBroker(t *testing.T, url string) (older string, rejected *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	rejected = new(atomic.Int64)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				head, err := in.Peek(len("tllnnMQTTv")) // a CONNECT packet with a length of one or two bytes
				if err != nil {
					return
				}
				if _, rest, _ := bytes.Cut(head, []byte("MQTT")); rest[0] == 5 {
					rejected.Add(1)
					_, _ = c.Write([]byte{0x20, 3, 0, 1, 0})
					return
				}
				far, err := net.Dial("tcp", strings.TrimPrefix(url, "mqtt://"))
				if err != nil {
					return
				}
				defer far.Close()
				go func() {
					_, _ = io.Copy(c, far)
					_ = c.Close()
				}()
				_, _ = io.Copy(far, in)
			}()
		}
	}()
	return "mqtt://" + l.Addr().String(), rejected
}

func TestTheVersionOfTheBrokerIsRememberedInTheDataDirectory(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 41)
	broker, rejected := olderBroker(t, meeting(t))
	cfg := settings(t, hub, "library/nginx")
	cfg.MQTT.URL = broker
	d := start(t, cfg)
	d.awaitRun()
	eventually(t, "the snapshot", func() bool { return d.waiting("0") })
	if n := rejected.Load(); n < 1 || n > 2 {
		t.Errorf("%d attempts with MQTT 5 by two sessions", n)
	}
	if err := d.stop(); err != nil {
		t.Fatal(err)
	}
	before := rejected.Load()
	hub.Set("library/nginx", 42)
	d = start(t, cfg)
	eventually(t, "both sessions", func() bool {
		var metrics string
		d.get("/metrics", &metrics)
		return strings.Contains(metrics, `pulltrail_mqtt_connected{session="publisher"} 1`) &&
			strings.Contains(metrics, `pulltrail_mqtt_connected{session="snapshots"} 1`)
	})
	if n := rejected.Load() - before; n != 0 {
		t.Errorf("%d attempts with MQTT 5 after a restart", n)
	}
}

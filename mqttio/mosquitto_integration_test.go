//go:build integration

package mqttio

import (
	"fmt"
	"net/url"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"pulltrail/internal/secret"
)

// neighbour is what the testbed says. Without it the test fails: it was asked for by its
// build tag.
func neighbour(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv("PULLTRAIL_TEST_" + name)
	if value == "" {
		t.Fatalf("PULLTRAIL_TEST_%s is not set: start the servers with testbed/testbed.sh up, then eval \"$(testbed/testbed.sh env)\"", name)
	}
	return value
}

// ways are the listeners of a real Mosquitto, and what each needs.
func ways(t *testing.T) map[string]func(*Config) (broker string) {
	secure := neighbour(t, "MOSQUITTO_TLS")
	return map[string]func(*Config) string{
		"plain":      func(*Config) string { return neighbour(t, "MOSQUITTO") },
		"WebSockets": func(*Config) string { return neighbour(t, "MOSQUITTO_WS") },
		"TLS with a password": func(c *Config) string {
			c.Username, c.Password = neighbour(t, "MOSQUITTO_TLS_USER"), secret.New(neighbour(t, "MOSQUITTO_TLS_PASSWORD"))
			c.TLS.CAFile = neighbour(t, "MOSQUITTO_TLS_CA")
			return secure
		},
	}
}

// own gives a configuration and a client id that no earlier run has used.
func own(version string) (cfg Config, id string) {
	word := "it" + strconv.FormatInt(time.Now().UnixNano(), 36)
	cfg = DefaultConfig()
	cfg.Version, cfg.Topic, cfg.SessionExpiry = version, word, time.Minute
	return cfg, word
}

// eachWay runs a test in each version by each listener.
func eachWay(t *testing.T, test func(t *testing.T, cfg Config, id, broker string)) {
	for _, version := range []string{Version5, Version311} {
		for name, way := range ways(t) {
			t.Run(version+" "+name, func(t *testing.T) {
				cfg, id := own(version)
				test(t, cfg, id, way(&cfg))
			})
		}
	}
}

func optionsFor(cfg Config, id, broker string, o *outbox, s Store) SubscriberOptions {
	opts := subscriberOptions(broker, s)
	opts.Filters, opts.ClientID, opts.Confirm = []string{cfg.Topic + "/#"}, id, o.Confirm
	return opts
}

func publisherFor(t *testing.T, cfg Config, id, broker string, o *outbox) *Publisher {
	t.Helper()
	p := newTestPublisher(t, cfg, broker, o)
	p.link.hello.clientID = id + publisherSuffix
	return p
}

func TestMosquittoCarriesSnapshotsThereAndBack(t *testing.T) {
	eachWay(t, func(t *testing.T, cfg Config, id, broker string) {
		o, kept := newOutbox(), &store{}
		const n = 200
		for i := range n {
			o.add(pending(fmt.Sprint("r", i), 1))
		}
		s := newTestSubscriber(t, cfg, optionsFor(cfg, id, broker, o, kept))
		start(t, s.Run)
		ready(t, s)
		start(t, publisherFor(t, cfg, id, broker, o).Run)
		eventually(t, "an empty outbox", func() bool { return o.len() == 0 })
		if kept.distinct() != n {
			t.Errorf("%d of %d are stored", kept.distinct(), n)
		}
		if _, err := Probe(t.Context(), cfg, broker); err != nil {
			t.Error(err)
		}
	})
}

func TestMosquittoSendsAgainWhatIsNotAcknowledged(t *testing.T) {
	eachWay(t, func(t *testing.T, cfg Config, id, broker string) {
		o, kept := newOutbox(), &store{}
		opts := optionsFor(cfg, id, broker, o, kept)
		opts.Confirm = nil
		s := newTestSubscriber(t, cfg, opts)
		stop := start(t, s.Run)
		ready(t, s)
		kept.fail(fmt.Errorf("the disk is full"))
		const n = 50
		for i := range n {
			o.add(pending(fmt.Sprint("r", i), 1))
		}
		s.link.pace.drain = time.Millisecond
		p := publisherFor(t, cfg, id, broker, o)
		p.link.pace.publish, p.link.pace.publishMost = time.Hour, time.Hour
		start(t, p.Run)
		eventually(t, "all at the broker", func() bool { return published(p) == n })
		eventually(t, "some attempts", func() bool { return kept.failed() > 3 })
		if acked := testutil.ToFloat64(s.counts.acknowledged); acked != 0 {
			t.Errorf("%v are acknowledged", acked)
		}
		stop()
		kept.fail(nil)
		s = newTestSubscriber(t, cfg, opts)
		start(t, s.Run)
		eventually(t, "all, from the session", func() bool { return kept.distinct() == n })
	})
}

func TestMosquittoPublishesTheWill(t *testing.T) {
	for _, version := range []string{Version5, Version311} {
		t.Run(version, func(t *testing.T) {
			cfg, id := own(version)
			u, err := url.Parse(neighbour(t, "MOSQUITTO"))
			if err != nil {
				t.Fatal(err)
			}
			front := newFront(t, u.Host)
			watched := cfg
			watched.StatusTopic = "" // or the watcher would pass it over
			cfg.StatusTopic = cfg.Topic + "-status/" + ClientIDMark
			kept := &store{}
			opts := optionsFor(watched, id, u.String(), newOutbox(), kept)
			opts.Filters, opts.Confirm = []string{cfg.Topic + "-status/#"}, nil
			s := newTestSubscriber(t, watched, opts)
			start(t, s.Run)
			ready(t, s)
			p := newTestPublisher(t, cfg, "mqtt://"+front.addr, newOutbox())
			stop := start(t, p.Run)
			said := func() string {
				var words []string
				for _, m := range kept.all() {
					words = append(words, string(m.Payload))
				}
				return strings.Join(words, " ")
			}
			eventually(t, "online", func() bool { return said() == "online" })
			front.cut()
			eventually(t, "the will, and online again", func() bool { return said() == "online offline online" })
			stop()
			eventually(t, "offline", func() bool { return said() == "online offline online offline" })
		})
	}
}

func TestMosquittoNamesTheRemedyForAWrongPassword(t *testing.T) {
	for _, version := range []string{Version5, Version311} {
		cfg, id := own(version)
		broker := ways(t)["TLS with a password"](&cfg)
		cfg.Password = secret.New("wrong")
		p := publisherFor(t, cfg, id, broker, newOutbox())
		start(t, p.Run)
		eventually(t, "the remedy", func() bool {
			return strings.Contains(p.State().Err, "refuses the connection") && strings.Contains(p.State().Err, "mqtt.username")
		})
		if _, err := Probe(t.Context(), cfg, broker); err == nil || !strings.Contains(err.Error(), "mqtt.username") {
			t.Errorf("Probe = %v", err)
		}
	}
}

//go:build integration

package faulttest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

const tooMany = `{"error":{"type":"circuit_breaking_exception","reason":"refused by the test"},"status":429}`

// faultsOfMQTT are those in which the broker, or the program's sessions, have a part.
func faultsOfMQTT() []scenario {
	return []scenario{
		{name: "nothing", fault: func(*world) {}},
		{name: "the program is killed, again and again", fault: killedAtRandom},
		{name: "the program is told to stop", fault: func(w *world) {
			w.daemon.terminate()
			w.owe()
			w.daemon.start()
		}},
		{name: "the configuration is read anew, again and again", fault: func(w *world) {
			for range 10 {
				time.Sleep(time.Duration(rand.IntN(int(outage() / 5))))
				w.daemon.run("reload")
				w.owe() // an answer of Docker Hub that was under way is asked for again
			}
		}},
		{name: "backups are made, again and again", fault: func(w *world) {
			file := filepath.Join(w.t.TempDir(), "backup.tar.zst")
			for range 5 {
				time.Sleep(time.Duration(rand.IntN(int(outage() / 5))))
				w.daemon.run("backup", "--force", file)
			}
			w.daemon.run("restore", "--check", file)
		}},
		{name: "the program is killed while it reads its configuration anew", fault: func(w *world) {
			for range 10 {
				w.daemon.opened()
				if err := w.daemon.command.Process.Signal(syscall.SIGHUP); err != nil {
					w.t.Fatal(err)
				}
				time.Sleep(time.Duration(rand.IntN(int(40 * time.Millisecond))))
				w.kill()
				w.daemon.start()
				time.Sleep(time.Duration(rand.IntN(int(outage() / 5))))
			}
		}},
		{name: "the broker is killed", brokerLoses: true, fault: func(w *world) {
			w.brokerEnds(syscall.SIGKILL)
			time.Sleep(outage())
			w.brokerStarts()
		}},
		{name: "the broker is told to stop", fault: func(w *world) {
			w.brokerEnds(syscall.SIGTERM)
			time.Sleep(outage())
			w.brokerStarts()
		}},
		{name: "the broker loses its sessions", brokerLoses: true, fault: func(w *world) {
			w.brokerEnds(syscall.SIGTERM)
			w.broker.forget()
			w.brokerStarts()
		}},
		{name: "the connection to the broker breaks", fault: func(w *world) {
			for range 5 {
				w.tap.cut()
				time.Sleep(outage() / 5)
			}
		}},
		{name: "the broker has its stock limits and the program is away", before: stock, brokerLoses: true, fault: func(w *world) {
			w.kill()
			w.documents.await(w.t, w.settings.documents)
			w.daemon.start()
		}},
		{name: "the broker has its stock limits and OpenSearch is away", before: stock, fault: func(w *world) {
			w.front.misbehave(w.t, refuse(http.StatusServiceUnavailable, "no server is available"))
			w.documents.await(w.t, w.settings.documents)
			time.Sleep(outage())
			w.front.behave()
		}},
		{name: "retained messages come again at each reconnection", fault: retained},
		{name: "poison", letters: len(poison), fault: poisoned},
	}
}

// TestFaultsInMQTT311 breaks one thing at a time where MQTT 3.1.1 is spoken.
func TestFaultsInMQTT311(t *testing.T) {
	for _, s := range faultsOfMQTT() {
		before := s.before
		s.before = func(set *settings) {
			set.version = "3.1.1"
			if before != nil {
				before(set)
			}
		}
		t.Run(s.name, s.run)
	}
}

// TestFaults breaks one thing at a time.
func TestFaults(t *testing.T) {
	for _, s := range append(faultsOfMQTT(), []scenario{
		{name: "OpenSearch is killed", fault: func(w *world) {
			endCluster(w.t, "KILL")
			time.Sleep(outage())
			startCluster(w.t)
		}},
		{name: "OpenSearch is told to stop", fault: func(w *world) {
			endCluster(w.t, "TERM")
			startCluster(w.t)
		}},
		{name: "OpenSearch answers 429", fault: misbehaving(refuse(http.StatusTooManyRequests, tooMany), "overloaded")},
		{name: "OpenSearch answers 503", fault: misbehaving(refuse(http.StatusServiceUnavailable, "<html>no server is available</html>"), "unavailable")},
		{name: "OpenSearch answers 429 for every other document", fault: misbehaving(refuseHalf(http.StatusTooManyRequests, "es_rejected_execution_exception"), "overloaded")},
		{name: "OpenSearch takes connections and never answers", fault: misbehaving(silence, "unreachable")},
		{name: "OpenSearch does what is asked and its answers are lost", fault: misbehaving(swallow, "unreachable")},
		{name: "OpenSearch answers 429 and the program is killed", fault: func(w *world) {
			w.front.misbehave(w.t, refuse(http.StatusTooManyRequests, tooMany))
			time.Sleep(outage())
			w.kill()
			w.front.behave()
			w.daemon.start()
		}},
		{name: "the index is read-only, as when the disk is nearly full", fault: readOnly},
		{name: "every other document is forbidden, until they are tried again", fault: forbidden},
		{name: "the disk is full", before: smallDisk, answersLost: true, fault: diskFull},
		{name: "the last write to the journal is torn", fault: tornWrite},
		{name: "the journal is full", before: func(s *settings) { s.journalBytes = "1MiB" }, fault: journalFull},
		movedClock(),
	}...) {
		t.Run(s.name, s.run)
	}
}

// brokerEnds ends the broker, and with it its port as the program sees it.
func (w *world) brokerEnds(s syscall.Signal) {
	w.t.Helper()
	w.broker.end(s)
	w.tap.close()
}

func (w *world) brokerStarts() {
	w.t.Helper()
	w.broker.start()
	w.tap.open(w.t)
}

func stock(s *settings) {
	s.stockBroker = true
	s.documents = pick(4000, 12_000) // more than 1,000 wait
}

func killedAtRandom(w *world) {
	for range 10 {
		time.Sleep(time.Duration(rand.IntN(int(pick(1200*time.Millisecond, 3*time.Second)))))
		w.kill()
		w.daemon.start()
	}
}

// misbehaving is an OpenSearch that misbehaves for a while, in the eyes of the program
// by that cause.
func misbehaving(b behaviour, cause string) func(*world) {
	return func(w *world) {
		w.front.misbehave(w.t, b)
		time.Sleep(outage())
		eventually(w.t, patience, "a try that failed", func() error {
			_, metrics, err := w.daemon.get("/metrics")
			if err == nil && !strings.Contains(metrics, `pulltrail_indexer_failures_total{cause="`+cause+`",log="journal"`) {
				err = errors.New("none by the cause " + cause)
			}
			return err
		})
		w.front.behave()
	}
}

func readOnly(w *world) {
	block := func(value string) {
		if err := w.cluster.do(http.MethodPut, "/"+w.index+"-*/_settings", `{"index.blocks.read_only_allow_delete":`+value+`}`, nil); err != nil {
			w.t.Fatal(err)
		}
	}
	block("true")
	time.Sleep(outage())
	block("null")
}

func forbidden(w *world) {
	w.front.misbehave(w.t, refuseHalf(http.StatusForbidden, "security_exception"))
	time.Sleep(outage())
	w.front.behave()
	w.documents.await(w.t, w.settings.documents)
	eventually(w.t, patience, "no lag beside forbidden documents", w.daemon.settled)
	letters := w.deadLetters()
	if len(letters) == 0 || !letters[0].RetriedByItself {
		w.t.Errorf("%d dead letters, want some that are tried again by themselves", len(letters))
	}
	w.daemon.run("deadletters", "retry", "--all")
}

// smallDisk gives the program a disk of its own.
func smallDisk(s *settings) {
	if err := os.MkdirAll(s.dataDir, 0o700); err != nil {
		s.t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", s.dataDir, "tmpfs", 0, "size=64m"); err != nil {
		if errors.Is(err, fs.ErrPermission) {
			s.t.Skip("a small disk can be mounted by root only")
		}
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() {
		if err := syscall.Unmount(s.dataDir, 0); err != nil {
			s.t.Error(err)
		}
	})
}

func diskFull(w *world) {
	ballast := filepath.Join(w.dataDir, "ballast")
	f, err := os.Create(ballast)
	if err != nil {
		w.t.Fatal(err)
	}
	for block := make([]byte, 64<<10); ; {
		if _, err := f.Write(block); errors.Is(err, syscall.ENOSPC) {
			break
		} else if err != nil {
			w.t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		w.t.Fatal(err)
	}
	eventually(w.t, patience, "the full disk in readiness", func() error {
		status, body, err := w.daemon.get("/-/ready")
		if err == nil && (status == http.StatusOK || !strings.Contains(body, "space") && !strings.Contains(body, "full")) {
			err = fmt.Errorf("%d %s", status, body)
		}
		return err
	})
	time.Sleep(outage())
	if err := os.Remove(ballast); err != nil {
		w.t.Fatal(err)
	}
}

// tornWrite leaves what a power cut in the middle of a write leaves.
func tornWrite(w *world) {
	w.front.misbehave(w.t, refuse(http.StatusTooManyRequests, tooMany))
	time.Sleep(outage() / 3)
	w.kill()
	segments, err := filepath.Glob(filepath.Join(w.dataDir, "journal", "*.log"))
	if err != nil || len(segments) == 0 {
		w.t.Fatalf("no segments: %v", err)
	}
	f, err := os.OpenFile(slices.Max(segments), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		w.t.Fatal(err)
	}
	torn := binary.LittleEndian.AppendUint32(nil, 1200) // longer than what follows
	if _, err := f.Write(append(torn, make([]byte, 700)...)); err != nil {
		w.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.front.behave()
	w.daemon.start()
}

// journalFull holds up documents and nothing else.
func journalFull(w *world) {
	w.front.misbehave(w.t, refuse(http.StatusTooManyRequests, tooMany))
	w.documents.await(w.t, w.settings.documents)
	eventually(w.t, patience, "the full journal in readiness", func() error {
		_, body, err := w.daemon.get("/-/ready")
		if err == nil && !strings.Contains(body, "journal is full") {
			err = fmt.Errorf("%s", body)
		}
		return err
	})
	if acked := len(w.tap.acknowledged()); acked == w.settings.documents {
		w.t.Error("a full journal has taken everything")
	}
	before := w.hub.answers()
	eventually(w.t, patience, "snapshots beside a full journal", func() error {
		if w.hub.answers() < before+len(repositories) {
			return errors.New("none are taken")
		}
		return nil
	})
	w.front.behave()
}

// retained messages are documents of their own on a route with ids by position.
func retained(w *world) {
	publisher := dialBroker(w.t, w.broker.addr, unique(), "", nil)
	const messages = 5
	for n := range messages {
		publisher.publish(fmt.Sprintf("%s/retained/%d", w.topic, n), number(n, time.Now()), true)
	}
	pattern := w.index + "-retained"
	count := func() (total int, err error) {
		stored, err := w.cluster.numbers(pattern, "n", messages)
		for _, times := range stored {
			total += times
		}
		return total, err
	}
	eventually(w.t, patience, "the retained messages", func() error {
		n, err := count()
		if err == nil && n < messages {
			err = fmt.Errorf("%d", n)
		}
		return err
	})
	w.documents.await(w.t, w.settings.documents)
	eventually(w.t, patience, "nothing on its way", w.daemon.settled)
	for range 3 {
		before := w.tap.deliveries(0)
		w.tap.cut()
		eventually(w.t, patience, "the retained messages, again", func() error {
			if w.tap.deliveries(0) == before {
				return errors.New("not yet")
			}
			return nil
		})
	}
	eventually(w.t, patience, "nothing on its way", w.daemon.settled)
	if n, err := count(); err != nil || n != messages {
		w.t.Errorf("%d documents of %d retained messages: %v", n, messages, err)
	}
}

// poison is what becomes a dead letter; the time is put for %s.
var poison = []string{
	`not json`,
	`null`,
	`[1]`,
	`"text"`,
	`{"time":%s,"text":"` + "\xff" + `","n":-1}`,
	`{"time":%s,"n":{"an":"object"}}`,
	`{"time":%s,"n":"no number"}`,
	`{"n":-2}`,
	`{"time":"yesterday","n":-3}`,
	`{"time":%s,"n":-4,"a":1,"a":2}`,
	`{"time":%s,"n":-5,"deep":` + strings.Repeat(`{"a":`, 2000) + `1` + strings.Repeat(`}`, 2000) + `}`,
	`{"time":%s,"n":-6,"filler":"` + strings.Repeat("x", 1<<20) + `"}`,
	`{"time":%s,"n":-7`,
}

func poisoned(w *world) {
	publisher := dialBroker(w.t, w.broker.addr, unique(), "", nil)
	now := fmt.Sprintf("%q", time.Now().UTC().Format(time.RFC3339))
	publisher.publish(w.topic+"/docs/poison", nil, true) // clears a retained message, and is no dead letter
	for _, p := range poison {
		publisher.publish(w.topic+"/docs/poison", []byte(strings.ReplaceAll(p, "%s", now)), false)
		time.Sleep(20 * time.Millisecond) // between good ones
	}
}

// movedClock is a wall clock that jumps back by a day and more, and forward again.
func movedClock() scenario {
	var c clock
	return scenario{
		name: "the clock jumps back",
		before: func(s *settings) {
			c, s.binary = newClock(s.t)
			s.env = []string{clockVariable + "=" + c.file}
		},
		fault: func(w *world) {
			for _, off := range []time.Duration{-time.Hour, -30 * time.Hour, -40 * 24 * time.Hour} {
				c.move(w.t, off)
				eventually(w.t, patience, "the program's other time", func() error { return w.daemon.clockIsOff(off) })
				time.Sleep(outage() / 3)
				w.tap.cut() // what comes again is received at another time
			}
			w.kill()
			w.daemon.start()
			w.daemon.ready()
			c.move(w.t, 0)
		},
	}
}

// TestTwoProgramsShareASubscription splits documents between two daemons, one of which
// is killed and comes back.
func TestTwoProgramsShareASubscription(t *testing.T) {
	w := newWorld(t, scenario{answersLost: true, before: func(s *settings) { s.filter = "$share/pulltrail/%s/docs/#" }})
	other := w.newDaemon("-other")
	for _, d := range []*daemon{w.daemon, other} {
		d.start()
		d.ready()
	}
	w.documents = publishNumbered(t, w.broker.addr, w.topic+"/docs/a", 0, w.settings.documents)
	w.documents.await(t, w.settings.documents/3)
	w.kill()
	w.documents.await(t, w.settings.documents*2/3)
	w.daemon.start()
	<-w.documents.done
	for _, d := range []*daemon{w.daemon, other} {
		eventually(t, patience, "nothing on its way", d.settled)
		_, metrics, err := d.get("/metrics")
		if err != nil || strings.Contains(metrics, "pulltrail_journal_appended_entries_total 0\n") {
			t.Errorf("%s took no document: %v", d.dataDir, err)
		}
	}
	w.check()
	other.terminate()
}

package history

import (
	"strings"
	"testing"
	"time"

	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

func TestOneBadMessageDoesNotStopTheOthers(t *testing.T) {
	s := open(t)
	outcomes := appendAll(t, s,
		message(nginx, start, 1),
		document.Message{Topic: "dockerhub/library/nginx", Payload: []byte("<html>")},
		document.Message{Topic: "dockerhub/library/nginx"},
		document.Message{Topic: "dockerhub/library/nginx", Payload: []byte(`{"namespace":"a","name":"b","pull_count":null,"timestamp":"2026-01-01T00:00:00Z"}`)},
		message(nginx, start.Add(day), 2),
	)
	for i, want := range []string{"", "not JSON", "empty", "pull_count: null is not a count", ""} {
		o := outcomes[i]
		switch {
		case want == "" && (o.Err != nil || o.ID == ""):
			t.Errorf("message %d: %+v", i, o)
		case want != "" && (o.ID != "" || !document.IsPermanent(o.Err) || !strings.Contains(o.Err.Error(), want)):
			t.Errorf("message %d: %+v, want %q for good", i, o, want)
		}
	}
	if entries := read(t, s, 0); len(entries) != 2 {
		t.Errorf("%d entries", len(entries))
	}
}

func TestWhatIsRefusedWakesNobody(t *testing.T) {
	s := open(t)
	woken := s.Notify()
	if o := appendAll(t, s, document.Message{Payload: []byte("x")}); o[0].Err == nil {
		t.Error("it was taken")
	}
	select {
	case <-woken:
		t.Error("the follower was woken")
	default:
	}
}

func TestTheFirstOfOneIdentityStays(t *testing.T) {
	s := open(t)
	first := message(nginx, start, 1)
	second := message(nginx, start, 2)
	second.Topic = "another"
	appendAll(t, s, first)
	woken := s.Notify()
	for _, batch := range [][]document.Message{{second}, {second, second}, {first}} {
		for _, o := range appendAll(t, s, batch...) {
			if o.ID != hub.ID(nginx, start) || !o.Already || o.Err != nil {
				t.Errorf("outcome %+v", o)
			}
		}
	}
	select {
	case <-woken:
		t.Error("the follower was woken for nothing")
	default:
	}
	entries := read(t, s, 0)
	if len(entries) != 1 || string(entries[0].Payload) != string(first.Payload) || entries[0].Topic != first.Topic {
		t.Errorf("history has %v", entries)
	}
	for _, table := range []string{"topics", "bodies", "repositories"} {
		if n := rows(t, s, table); n != 1 {
			t.Errorf("%d %s", n, table)
		}
	}
	// Repetition spends no positions.
	appendAll(t, s, message(nginx, start.Add(day), 3))
	if head, err := s.Head(t.Context()); head != 2 || err != nil {
		t.Errorf("Head = %d, %v", head, err)
	}
}

func TestOneIdentityTwiceInABatchIsStoredOnce(t *testing.T) {
	s := open(t)
	outcomes := appendAll(t, s, message(nginx, start, 1), message(nginx, start, 2))
	if outcomes[0].ID != outcomes[1].ID || outcomes[0].Already || !outcomes[1].Already || len(read(t, s, 0)) != 1 {
		t.Errorf("outcomes %v, history %v", outcomes, read(t, s, 0))
	}
}

func TestBodiesAreStoredOncePerDistinctValue(t *testing.T) {
	s := open(t)
	for i := range 20 {
		m := message(nginx, start.Add(time.Duration(i)*day), i)
		if i >= 10 {
			m.Payload = []byte(strings.Replace(string(m.Payload), `"status":1`, `"status":0`, 1))
		}
		appendAll(t, s, m)
	}
	if n := rows(t, s, "bodies"); n != 2 {
		t.Errorf("%d bodies", n)
	}
}

// Docker Hub's times have microseconds at most; other publishers write offsets.
func TestTimesInAnotherFormDoNotMakeBodiesDistinct(t *testing.T) {
	s := open(t)
	for i := range 20 {
		at := start.Add(time.Duration(i) * day)
		payload := `{"namespace":"a","name":"b","pull_count":1,"timestamp":"` + at.Format("2006-01-02T15:04:05") + `.000000001+00:00"}`
		appendAll(t, s, document.Message{Topic: "t", Payload: []byte(payload), Received: at})
		if e := read(t, s, document.Position(i)); string(e[0].Payload) != payload {
			t.Errorf("%s became %s", payload, e[0].Payload)
		}
	}
	if n := rows(t, s, "bodies"); n != 1 {
		t.Errorf("%d bodies", n)
	}
}

func rows(t *testing.T, s *Store, table string) (n int) {
	t.Helper()
	if err := s.db.Reader().QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

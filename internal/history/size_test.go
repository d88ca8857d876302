package history

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/document"
	"pulltrail/internal/hub"
)

func TestASnapshotTakesAboutAHundredBytes(t *testing.T) {
	for name, c := range map[string]struct{ repositories, slots int }{
		"one repository":                  {1, 5000},
		"fifty repositories taking turns": {50, 100},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "test.db")
			before := grow(t, path, c.repositories, 0, 1)
			after := grow(t, path, c.repositories, 1, c.slots+1)
			each := float64(after-before) / float64(c.repositories*c.slots)
			t.Logf("%.0f bytes a snapshot", each)
			if each > 150 {
				t.Errorf("%.0f bytes a snapshot", each)
			}
		})
	}
}

// grow appends the snapshots of some slots and is the size of the closed file.
func grow(t *testing.T, path string, repositories, first, end int) int64 {
	t.Helper()
	db, err := database.Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	s := New(db)
	s.now = endOfTime
	var batch []document.Message
	for slot := first; slot < end; slot++ {
		for r := range repositories {
			batch = append(batch, detail(r, slot))
		}
		if len(batch) >= 1000 || slot == end-1 {
			appendAll(t, s, batch...)
			batch = nil
		}
	}
	if err := db.Close(); err != nil { // moves everything into the one file
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// detail is a snapshot with the members that Docker Hub has sent since 2026, taken
// every six hours.
func detail(repository, n int) document.Message {
	slot := start.Add(time.Duration(n) * 6 * time.Hour)
	at := slot.Add(time.Duration(3e6+n%977) * time.Microsecond)
	r := hub.Repository{Namespace: "datasetteproject", Name: fmt.Sprintf("datasette%d", repository)}
	return document.Message{
		Topic: "dockerhub/" + r.String(),
		Payload: fmt.Appendf(nil, `{"user":%q,"name":%q,"namespace":%[1]q,"repository_type":"image","status":1,"status_description":"active",`+
			`"description":"A tool for exploring and publishing data","is_private":false,"is_automated":false,"star_count":%[3]d,"pull_count":%[4]d,`+
			`"last_updated":"2025-11-05T18:25:13.998775Z","last_modified":"2024-10-16T13:48:34.145251Z","date_registered":"2018-06-28T02:51:42.494457Z",`+
			`"collaborator_count":0,"affiliation":null,"hub_user":%[1]q,"has_starred":false,"permissions":{"read":true,"write":false,"admin":false},`+
			`"media_types":["application/vnd.docker.container.image.v1+json","application/vnd.docker.distribution.manifest.list.v2+json"],`+
			`"content_types":["image"],"categories":[],"immutable_tags_settings":{"enabled":false,"rules":[".*"]},"storage_size":9106287451,`+
			`"source":null,"timestamp":%[5]s,"slot":%[6]s}`,
			r.Namespace, r.Name, 15+n/100, 231874+17*n, hub.FormatTime(at), hub.FormatTime(slot)),
		Received: at.Add(250 * time.Millisecond),
	}
}

func BenchmarkAppend(b *testing.B) {
	s := open(b)
	n := 0
	for b.Loop() {
		batch := make([]document.Message, 100)
		for i := range batch {
			batch[i] = detail(i, n)
		}
		n++
		appendAll(b, s, batch...)
	}
	b.ReportMetric(float64(n)*100/b.Elapsed().Seconds(), "snapshots/s")
}

// The time of Repositories depends on their number, hardly on their snapshots'.
func BenchmarkRepositories(b *testing.B) {
	for _, slots := range []int{2, 200} {
		b.Run(fmt.Sprintf("100 repositories, %d slots", slots), func(b *testing.B) {
			s := open(b)
			fill(b, s, 100, slots)
			for b.Loop() {
				if found, err := s.Repositories(b.Context()); err != nil || len(found) != 100 {
					b.Fatal(len(found), err)
				}
			}
		})
	}
}

func BenchmarkRead(b *testing.B) {
	s := open(b)
	fill(b, s, 10, 100)
	for b.Loop() {
		if entries := read(b, s, 0); len(entries) != 1000 {
			b.Fatal(len(entries))
		}
	}
}

func fill(b *testing.B, s *Store, repositories, slots int) {
	b.Helper()
	for n := range slots {
		batch := make([]document.Message, repositories)
		for r := range batch {
			batch[r] = detail(r, n)
		}
		appendAll(b, s, batch...)
	}
}

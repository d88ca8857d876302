package homeassistant

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"pulltrail/internal/hub"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var update = flag.Bool("update", false, "write what the code makes into the golden files")

func repository(name string) hub.Repository {
	namespace, name, _ := strings.Cut(name, "/")
	return hub.Repository{Namespace: namespace, Name: name}
}

// settings are those of a process called "id".
func settings() Settings {
	return Settings{
		Prefix: "homeassistant", StatusTopic: "pulltrail/id/status", Version: "1.2.3",
		SnapshotTopic: func(r hub.Repository) string { return "metrics/" + r.String() },
		DerivedTopic:  func(r hub.Repository) string { return "pulltrail/id/repositories/" + r.String() },
	}
}

func count(n int64) *int64 { return &n }

func TestTheMessagesOfARepository(t *testing.T) {
	without := settings()
	without.StatusTopic, without.Prefix = "", "ha/discovery"
	at := time.Date(2026, 1, 31, 2, 0, 0, 0, time.FixedZone("", 3600))
	for name, test := range map[string]struct {
		settings   Settings
		repository Repository
	}{
		"official": {settings(), Repository{Repository: repository("library/nginx"), Timestamp: at, Day: count(1_234_567), Week: count(9_000_000_000_000_000)}},
		"unknown":  {without, Repository{Repository: repository("a.b_c/d--e.f"), Timestamp: at}},
	} {
		t.Run(name, func(t *testing.T) {
			var got bytes.Buffer
			for _, m := range test.settings.Messages(test.repository) {
				got.WriteString(m.Topic + "\n")
				if err := json.Indent(&got, m.Payload, "", "  "); err != nil {
					t.Fatal(err)
				}
				got.WriteString("\n\n")
			}
			golden(t, filepath.Join("testdata", name+".txt"), got.String())
		})
	}
}

func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// names that a careless id would mix up, and long ones.
func names() []hub.Repository {
	long := strings.Repeat("x", 254)
	all := []hub.Repository{
		{Namespace: "x" + long, Name: long + "y"}, {Namespace: "x" + long, Name: long + "z"}, {Namespace: long + "y", Name: "x" + long},
	}
	parts := []string{"a", "b", "a_b", "a-b", "a.b", "a__b", "a_", "a_b_c", "0"}
	for _, namespace := range parts {
		for _, name := range parts {
			all = append(all, hub.Repository{Namespace: namespace, Name: name})
		}
	}
	return all
}

func TestEverySensorHasATopicAndAnIDOfItsOwn(t *testing.T) {
	wanted := regexp.MustCompile(`^homeassistant/sensor/[a-zA-Z0-9_-]{1,110}/[a-zA-Z0-9_-]+/config$`)
	other := settings()
	other.SnapshotTopic = func(r hub.Repository) string { return "other/" + r.String() }
	topics, ids := map[string]hub.Repository{}, map[string]bool{}
	for _, s := range []Settings{settings(), other} {
		for _, r := range names() {
			for _, m := range s.Messages(Repository{Repository: r})[1:] {
				var c config
				if err := json.Unmarshal(m.Payload, &c); err != nil {
					t.Fatal(err)
				}
				if before, there := topics[m.Topic]; there || ids[c.UniqueID] {
					t.Errorf("%s and %s have the topic %s or the id %s", before, r, m.Topic, c.UniqueID)
				}
				topics[m.Topic], ids[c.UniqueID] = r, true
				if !wanted.MatchString(m.Topic) {
					t.Errorf("%s has the topic %s", r, m.Topic)
				}
				if len(c.UniqueID) > 128 {
					t.Errorf("the id has %d bytes: %s", len(c.UniqueID), c.UniqueID)
				}
				if !IsConfig("homeassistant", m.Topic) || IsConfig("home", m.Topic) {
					t.Errorf("%s is not told from other topics", m.Topic)
				}
			}
		}
	}
	if want := 2 * len(sensors) * len(names()); len(topics) != want {
		t.Errorf("%d topics, want %d", len(topics), want)
	}
}

func TestASensorStaysTheSameWhenTheClientIDChanges(t *testing.T) {
	other := settings()
	other.DerivedTopic = func(r hub.Repository) string { return "pulltrail/new/repositories/" + r.String() }
	other.StatusTopic = "pulltrail/new/status"
	r := Repository{Repository: repository("a/b")}
	before, after := settings().Messages(r), other.Messages(r)
	for i := range before {
		if i > 0 && before[i].Topic != after[i].Topic {
			t.Errorf("%s has become %s", before[i].Topic, after[i].Topic)
		}
	}
}

func TestTheSensorsOfOthersAreNotOurs(t *testing.T) {
	for _, topic := range []string{
		"homeassistant/sensor/kitchen/temperature/config", "homeassistant/sensor/pulltrail_x/config", "homeassistant/switch/pulltrail_x/y/config",
		"homeassistant/status", "homeassistant/sensor/pulltrail_x/y/state",
	} {
		if IsConfig("homeassistant", topic) {
			t.Errorf("%s is taken for ours", topic)
		}
	}
}

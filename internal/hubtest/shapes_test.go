package hubtest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"pulltrail/internal/hub"
)

func TestAnETagSavesTheBodyUntilItChanges(t *testing.T) {
	h := NewInProcess(t)
	h.Set("a/b", 1)
	a := ask(t, h)
	if g := a.get("/v2/repositories/a/b"); g.header.Get("ETag") != "" {
		t.Error("an ETag nobody asked for")
	}
	h.ETags(true)
	tag := a.get("/v2/repositories/a/b").header.Get("ETag")
	for has, want := range map[string]int{
		tag:           http.StatusNotModified,
		"W/" + tag:    http.StatusNotModified,
		`"x", ` + tag: http.StatusNotModified,
		"*":           http.StatusNotModified,
		`"x"`:         http.StatusOK,
		"":            http.StatusOK,
	} {
		g := a.with("If-None-Match", has).get("/v2/repositories/a/b")
		if g.status != want || (g.body == "") != (want == http.StatusNotModified) || g.header.Get("ETag") != tag {
			t.Errorf("%s: %d %v", has, g.status, g.header)
		}
	}
	h.Set("a/b", 2)
	if g := a.with("If-None-Match", tag).get("/v2/repositories/a/b"); g.status != http.StatusOK || g.header.Get("ETag") == tag {
		t.Errorf("after a change: %d, %s", g.status, g.header.Get("ETag"))
	}
	if g := a.get("/v2/repositories/a/absent"); g.header.Get("ETag") != "" || g.status != http.StatusNotFound {
		t.Errorf("what is absent: %d %v", g.status, g.header)
	}
	h.ETags(false)
	if g := a.with("If-None-Match", "*").get("/v2/repositories/a/b"); g.status != http.StatusOK {
		t.Errorf("without ETags: %d", g.status)
	}
}

func TestTheSchemaDrifts(t *testing.T) {
	h := NewInProcess(t)
	h.Set("a/b", 7)
	h.SetBody("a/c", []byte("<html>"))
	a := ask(t, h)
	for step, c := range map[int]struct{ has, lacks []string }{
		-1:             {has: []string{"is_automated"}, lacks: []string{"immutable_tags\""}},
		1:              {has: []string{"immutable_tags\"", "categories"}, lacks: []string{"is_automated"}},
		2:              {has: []string{"immutable_tags_rules"}, lacks: []string{"is_automated", "immutable_tags\""}},
		3:              {has: []string{"9007199254740993", "repository_type\":null"}, lacks: []string{"categories", "source"}},
		DriftSteps + 1: {has: []string{`"star_count":"37"`, `"storage_size":null`, "immutable_tags_rules"}, lacks: []string{"is_automated"}},
	} {
		h.Drift(step)
		body := a.get("/v2/repositories/a/b").body
		if s, err := hub.Decode([]byte(body), time.Now(), time.Now()); err != nil || s.PullCount != 7 || s.String() != "a/b" {
			t.Errorf("step %d: %v", step, err)
		}
		row := a.get("/v2/repositories/a/").body
		for _, text := range c.has {
			if !strings.Contains(body, text) || !strings.Contains(row, text) {
				t.Errorf("step %d lacks %s: %s and %s", step, text, body, row)
			}
		}
		for _, text := range c.lacks {
			if strings.Contains(body, text) || strings.Contains(row, text) {
				t.Errorf("step %d has %s: %s and %s", step, text, body, row)
			}
		}
	}
	if g := a.get("/v2/repositories/a/c"); g.body != "<html>" {
		t.Errorf("what is no object: %s", g.body)
	}
}

package secret

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestNoWayOfPrintingShowsTheText(t *testing.T) {
	type section struct{ Password String }
	s := section{New("hunter2")}
	var out bytes.Buffer
	fmt.Fprintf(&out, "%v %+v %#v %s %q %x %d", s, s, s, s.Password, s.Password, s.Password, s.Password)
	fmt.Fprint(&out, s.Password, &s.Password, []String{s.Password})
	wrong := "%t %d" // verbs that do not suit a pointer
	fmt.Fprintf(&out, wrong, []any{&s}, []any{&s.Password})
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "password", s.Password, "section", s)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "password", s.Password, "section", s)
	if err := json.NewEncoder(&out).Encode(s); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") || strings.Contains(out.String(), fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("the secret stands in %s", out.String())
	}
	if s.Password.Reveal() != "hunter2" || !s.Password.IsSet() || New("").IsSet() {
		t.Error("Reveal or IsSet is wrong")
	}
}

func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	for content, want := range map[string]string{"pw\n": "pw", "  pw \r\nmore": "pw", "p w": "p w", "": "error", "\npw": "error"} {
		name := filepath.Join(dir, "secret")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := ReadFile(name)
		if (err != nil) != (want == "error") || err == nil && got.Reveal() != want {
			t.Errorf("ReadFile of %q = %q, %v", content, got.Reveal(), err)
		}
	}
	for _, name := range []string{dir, filepath.Join(dir, "missing")} {
		if _, err := ReadFile(name); err == nil {
			t.Errorf("ReadFile(%s) found nothing wrong", name)
		}
	}
}

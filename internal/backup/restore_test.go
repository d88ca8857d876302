package backup

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pulltrail/internal/datadir"
	"pulltrail/internal/document"
)

// small is a data directory with a little of everything, and its backup.
func small(t testing.TB) (*place, []byte) {
	t.Helper()
	p := openPlace(t, filepath.Join(t.TempDir(), "data"))
	ctx := context.Background()
	batch := make([]document.Message, 30)
	for i := range batch {
		batch[i] = numbered(i + 1)
	}
	_, err := p.journal.Append(ctx, batch)
	err = errors.Join(err, p.state.SetCursor(ctx, sinkName, logName, 12), p.outbox.Append(ctx, snapshot(1), snapshot(2)),
		p.letters.Put(ctx, document.DeadLetter{Message: numbered(7), Sink: sinkName, Log: logName, Position: 7, Reason: "no"}))
	if err == nil {
		_, err = p.state.SetMetaOnce(ctx, "client_id", "pulltrail-0a1b2c3d")
	}
	if err == nil {
		_, err = p.history.Append(ctx, []document.Message{{Topic: "t", Payload: snapshot(3).Encode()}})
	}
	if err != nil {
		t.Fatal(err)
	}
	return p, p.backup()
}

// member is a file of an archive.
type member struct {
	tar.Header
	content []byte
}

// unpacked are the members of a backup.
func unpacked(t testing.TB, backup []byte) (all []member) {
	t.Helper()
	d, err := Decompress(bytes.NewReader(backup))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for r := tar.NewReader(d); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, member{*h, content})
	}
}

// packed is the inverse. Where sum is set, the checksums are made anew.
func packed(t testing.TB, all []member, sum bool) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := Compress(&out)
	if err != nil {
		t.Fatal(err)
	}
	a := tar.NewWriter(w)
	var sums []byte
	for _, m := range all {
		if m.Name == sumsName && sum {
			m.content, m.Size = sums, int64(len(sums))
		}
		sums = fmt.Appendf(sums, "%x  %s\n", sha256.Sum256(m.content), m.Name)
		h := m.Header
		if err := a.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Write(m.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(a.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// said changes the manifest.
func said(change func(*Manifest)) func([]member) []member {
	return func(all []member) []member {
		var m Manifest
		if err := json.Unmarshal(all[0].content, &m); err != nil {
			panic(err)
		}
		change(&m)
		all[0].content, _ = json.Marshal(m)
		all[0].Size = int64(len(all[0].content))
		return all
	}
}

// changed changes the content of a file.
func changed(i int, change func([]byte) []byte) func([]member) []member {
	return func(all []member) []member {
		all[i].content = change(bytes.Clone(all[i].content))
		all[i].Size = int64(len(all[i].content))
		return all
	}
}

func TestWhatIsNoWholeBackupIsRefusedAndChangesNothing(t *testing.T) {
	_, backup := small(t)
	last := len(unpacked(t, backup)) - 1
	flip := func(b []byte) []byte { b[len(b)/2] ^= 1; return b }
	link := member{Header: tar.Header{Typeflag: tar.TypeSymlink, Name: "journal/id", Linkname: "/etc/passwd"}}
	for name, c := range map[string]struct {
		change func([]member) []member
		sum    bool
		want   error
		text   string
	}{
		"a newer format":         {said(func(m *Manifest) { m.Format, m.Program = 2, "9.9.9" }), true, ErrNewer, "9.9.9, format 2; this one knows 1): restore it with that version or a later one"},
		"a newer schema":         {said(func(m *Manifest) { m.Schema = 99 }), true, ErrNewer, "schema 99"},
		"another schema":         {said(func(m *Manifest) { m.Schema-- }), true, ErrDamaged, "has schema"},
		"no format":              {said(func(m *Manifest) { m.Format = 0 }), true, ErrDamaged, "no format"},
		"a path that leads out":  {said(func(m *Manifest) { m.Files[1].Name = "journal/../../evil.log" }), true, ErrDamaged, "does not belong there"},
		"an absolute path":       {said(func(m *Manifest) { m.Files[1].Name = "/etc/cron.d/evil" }), true, ErrDamaged, "does not belong there"},
		"a socket's name":        {said(func(m *Manifest) { m.Files[1].Name = "control.sock" }), true, ErrDamaged, "does not belong there"},
		"a file twice":           {said(func(m *Manifest) { m.Files[2].Name = m.Files[1].Name }), true, ErrDamaged, "does not belong there"},
		"no database":            {said(func(m *Manifest) { m.Files = m.Files[1:] }), true, ErrDamaged, "does not begin with pulltrail.db"},
		"no files":               {said(func(m *Manifest) { m.Files = nil }), true, ErrDamaged, "does not begin with pulltrail.db"},
		"a size below zero":      {said(func(m *Manifest) { m.Files[1].Size = -1 }), true, ErrDamaged, "impossible size"},
		"sizes beyond counting":  {said(func(m *Manifest) { m.Files[0].Size, m.Files[1].Size = math.MaxInt64, math.MaxInt64 }), true, ErrDamaged, "impossible size"},
		"more than fits":         {said(func(m *Manifest) { m.Files[0].Size = math.MaxInt64 / 2 }), true, nil, "make room"},
		"a manifest of no JSON":  {changed(0, func([]byte) []byte { return []byte("{") }), true, ErrDamaged, "manifest"},
		"a manifest without end": {changed(0, func([]byte) []byte { return make([]byte, maxManifest+1) }), true, ErrDamaged, "bytes"},
		"a symbolic link":        {func(all []member) []member { all[2] = link; return all }, true, ErrDamaged, "journal/id"},
		"a file too many":        {func(all []member) []member { return append(all, all[1]) }, true, ErrDamaged, "more behind its end"},
		"a file too few":         {func(all []member) []member { return append(all[:2:2], all[3:]...) }, true, ErrDamaged, "must be"},
		"a longer file":          {changed(1, func(b []byte) []byte { return append(b, 0) }), true, ErrDamaged, "bytes"},
		"a flipped bit":          {changed(1, flip), false, ErrDamaged, "checksum of pulltrail.db"},
		"a flipped bit later":    {changed(last-1, flip), false, ErrDamaged, "checksum of journal/"},
		"other checksums":        {changed(last, func([]byte) []byte { return nil }), false, ErrDamaged, "checksum of pulltrail-backup.json"},
		"more checksums":         {changed(last, func(b []byte) []byte { return append(b, b...) }), false, ErrDamaged, "of other files"},
		"no checksums":           {func(all []member) []member { return all[:last] }, false, ErrDamaged, "cut off"},
		"a damaged database":     {changed(1, func(b []byte) []byte { clear(b[4096:8192]); return b }), true, ErrDamaged, "it is damaged"},
		"a damaged journal's id": {changed(2, func(b []byte) []byte { return append([]byte("x"), b[1:]...) }), true, nil, "not a UUID"},
		"a newer journal":        {changed(3, func(b []byte) []byte { b[8] = 9; return b }), true, nil, "format 9, written by a newer version"},
		"nothing":                {func([]member) []member { return nil }, false, ErrDamaged, "nothing in it"},
	} {
		t.Run(name, func(t *testing.T) {
			spoilt := packed(t, c.change(unpacked(t, backup)), c.sum)
			checkRefused(t, spoilt, c.want, c.text)
		})
	}
	checkRefused(t, []byte("hello, this is no backup"), ErrDamaged, "magic")
	checkRefused(t, nil, ErrDamaged, "")
}

func checkRefused(t *testing.T, spoilt []byte, want error, text string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "data")
	opts := Options{Log: slog.New(slog.DiscardHandler)}
	_, err := Restore(t.Context(), dir, bytes.NewReader(spoilt), opts)
	if err == nil || want != nil && !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
		t.Errorf("Restore = %v", err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, "[^l]*")); err != nil || len(left) > 0 {
		t.Errorf("%q is left", left)
	}
	t.Setenv("TMPDIR", t.TempDir())
	if _, err := Check(t.Context(), bytes.NewReader(spoilt), opts); err == nil || want != nil && !errors.Is(err, want) {
		t.Errorf("Check = %v", err)
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("%q is left", left)
	}
}

func TestABackupThatIsCutOffAnywhereIsNoBackup(t *testing.T) {
	_, backup := small(t)
	for n := 0; n < len(backup); n += 1 + n%7 {
		d, err := Decompress(bytes.NewReader(backup[:n]))
		if err != nil {
			t.Fatal(err)
		}
		b, err := NewReader(d)
		if err == nil {
			if err = b.Each(t.Context(), nil); err == nil {
				_, err = io.Copy(io.Discard, d)
			}
		}
		if err == nil {
			t.Errorf("cut off at %d of %d it is taken", n, len(backup))
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestWhatIsRestoredIsWhatWasBackedUp(t *testing.T) {
	p, backup := small(t)
	var seen, total int64
	path := filepath.Join(t.TempDir(), "a", "b")
	done, err := Restore(t.Context(), path, bytes.NewReader(backup), Options{
		Log: slog.New(slog.DiscardHandler), Progress: func(done, of int64) { seen, total = done, of },
	})
	if err != nil {
		t.Fatal(err)
	}
	want := Counts{Repositories: 1, Snapshots: 1, Outbox: 2, DeadLetters: 1, JournalEntries: 30}
	if done.Counts != want || done.Program != "1.2.3" || done.ClientID != "pulltrail-0a1b2c3d" || done.Aside != "" {
		t.Errorf("restored %+v", done)
	}
	if seen != total || total != done.Bytes() || total == 0 {
		t.Errorf("%d of %d bytes of %d", seen, total, done.Bytes())
	}
	err = filepath.WalkDir(path, func(path string, e fs.DirEntry, err error) error {
		info, err2 := e.Info()
		if err = errors.Join(err, err2); err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be opened by others: %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	again := openPlace(t, path)
	again.holds(30, 0, func(document.Position) bool { return true })
	if client, _, err := again.state.Meta(t.Context(), "client_id"); client != "pulltrail-0a1b2c3d" || err != nil {
		t.Errorf("the client id is %q, %v", client, err)
	}
	// What is there has the ids that it had, and what comes cannot have the id of what has
	// come to the original since.
	if again.journal.ID(30) != p.journal.ID(30) || again.journal.ID(31) == p.journal.ID(31) {
		t.Errorf("ids %s and %s, of the original %s and %s", again.journal.ID(30), again.journal.ID(31), p.journal.ID(30), p.journal.ID(31))
	}
	if third := restored(t, backup); third.journal.ID(31) == again.journal.ID(31) {
		t.Error("two that were restored from one backup give the same ids")
	}
}

func TestADirectoryWithContentIsReplacedOnlyWhenAsked(t *testing.T) {
	p, backup := small(t)
	opts := Options{Log: slog.New(slog.DiscardHandler)}
	if _, err := Restore(t.Context(), p.path, bytes.NewReader(backup), opts); !errors.Is(err, datadir.ErrInUse) {
		t.Errorf("while it is open: %v", err)
	}
	path := p.path
	p.close()
	if _, err := Restore(t.Context(), path, bytes.NewReader(backup), opts); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("without being asked: %v", err)
	}
	before, err := os.ReadFile(filepath.Join(path, datadir.DatabaseName))
	if err != nil {
		t.Fatal(err)
	}
	opts.Replace = true
	done, err := Restore(t.Context(), path, bytes.NewReader(backup), opts)
	if err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(filepath.Join(done.Aside, datadir.DatabaseName)); err != nil || !bytes.Equal(before, after) {
		t.Errorf("what was set aside is not what was there (%v)", err)
	}
	openPlace(t, path).holds(30, 0, func(document.Position) bool { return true })
}

func TestADirectoryWithoutAJournalAndOneThatNobodyHasOpen(t *testing.T) {
	p, _ := small(t)
	source := Source{Dir: p.dir, Program: "1.2.3"}
	if err := p.journal.Close(); err != nil {
		t.Fatal(err)
	}
	for _, entries := range []int64{30, 0} {
		var out bytes.Buffer
		if err := Write(t.Context(), &out, source); err != nil {
			t.Fatal(err)
		}
		b, err := NewReader(&out)
		if err == nil {
			err = b.Each(t.Context(), nil)
		}
		if err != nil || b.Manifest.Counts.JournalEntries != entries {
			t.Errorf("%+v, %v", b.Manifest, err)
		}
		if err := os.RemoveAll(p.dir.Journal()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestADamagedDatabaseIsNotBackedUp(t *testing.T) {
	p, _ := small(t)
	path := p.path
	p.close()
	name := filepath.Join(path, datadir.DatabaseName)
	content, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	clear(content[4096:8192])
	if err := os.WriteFile(name, content, 0o600); err != nil {
		t.Fatal(err)
	}
	dir, err := datadir.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	var out bytes.Buffer
	err = Write(t.Context(), &out, Source{Dir: dir})
	if err == nil || !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), "restore a backup that was made before") || out.Len() > 0 {
		t.Errorf("%d bytes, %v", out.Len(), err)
	}
}

// A backup of the first format is restored for ever.
func TestABackupOfTheFirstFormatIsRestored(t *testing.T) {
	backup, err := os.ReadFile(filepath.Join("testdata", "format1.tar.zst"))
	if err != nil {
		t.Fatal(err)
	}
	p := restored(t, backup)
	p.holds(30, 0, func(document.Position) bool { return true })
	if waiting, err := p.outbox.Len(t.Context()); waiting != 2 || err != nil {
		t.Errorf("%d in the outbox, %v", waiting, err)
	}
}

package backup

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"io"
	"testing"
	"time"

	"pulltrail/internal/datadir"
)

// FuzzReader reads what claims to be a backup, compressed or not. Whatever it is, reading
// ends, and only files that belong into a data directory are handed out, each as long as
// the manifest says.
func FuzzReader(f *testing.F) {
	manifest, err := json.Marshal(Manifest{
		Format: Format, Schema: 1, Created: time.Unix(0, 0).UTC(),
		Files: []File{{datadir.DatabaseName, 8}, {"journal/id", 2}, {"journal/00000000000000000001.log", 0}},
	})
	if err != nil {
		f.Fatal(err)
	}
	file := func(name, content string) member {
		return member{tar.Header{Typeflag: tar.TypeReg, Name: name, Size: int64(len(content)), Mode: 0o600}, []byte(content)}
	}
	whole := []member{
		file(manifestName, string(manifest)), file(datadir.DatabaseName, "database"), file("journal/id", "id"),
		file("journal/00000000000000000001.log", ""), file(sumsName, ""),
	}
	for _, sum := range []bool{true, false} {
		compressed := packed(f, whole, sum)
		d, err := Decompress(bytes.NewReader(compressed))
		if err != nil {
			f.Fatal(err)
		}
		plain, err := io.ReadAll(d)
		if err != nil {
			f.Fatal(err)
		}
		if err := d.Close(); err != nil {
			f.Fatal(err)
		}
		for _, seed := range [][]byte{compressed, plain} {
			f.Add(seed)
			f.Add(seed[:len(seed)/2])
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		consume(t, bytes.NewReader(data))
		d, err := Decompress(bytes.NewReader(data))
		if err != nil {
			return
		}
		defer func() {
			if err := d.Close(); err != nil {
				t.Error(err)
			}
		}()
		consume(t, io.LimitReader(d, 16<<20)) // a few bytes can be made to be very many
	})
}

func consume(t *testing.T, r io.Reader) {
	b, err := NewReader(r)
	if err != nil {
		return
	}
	names := map[string]bool{}
	err = b.Each(t.Context(), func(file File, content io.Reader) error {
		if names[file.Name] || file.Name != datadir.DatabaseName && !journalFile.MatchString(file.Name) {
			t.Errorf("the file %q", file.Name)
		}
		names[file.Name] = true
		n, err := io.Copy(io.Discard, content)
		if err == nil && n != file.Size {
			t.Errorf("%s has %d bytes, not %d", file.Name, n, file.Size)
		}
		return err
	})
	if err == nil && len(names) != len(b.Manifest.Files) {
		t.Errorf("%d of %d files", len(names), len(b.Manifest.Files))
	}
}

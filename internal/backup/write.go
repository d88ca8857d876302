package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/datadir"
	"pulltrail/internal/journal"
)

// Source is what is backed up.
type Source struct {
	// Dir is the data directory, whose lock the caller holds.
	Dir *datadir.Dir
	// Journal is the journal where it is open; nil where nobody has it open.
	Journal *journal.Journal
	// Program is the version of this program.
	Program string

	// pause, where set, is called before and after the image is opened, in tests.
	pause func()
}

// frozen is a data directory at one moment.
type frozen struct {
	image   *database.Image
	journal *journal.Capture // nil where there is none
}

// Write writes a backup, not compressed. What was acknowledged before the call is in it.
// A database that is damaged is an error before anything is written.
func Write(ctx context.Context, w io.Writer, s Source) (err error) {
	created := time.Now().UTC()
	f, err := freeze(ctx, s)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.close()) }()
	if err := f.image.Check(ctx); err != nil {
		return fmt.Errorf("the database cannot be backed up: %w; restore a backup that was made before", err)
	}
	m, err := f.describe(ctx)
	if err != nil {
		return err
	}
	m.Program, m.Created = s.Program, created
	return f.write(ctx, w, m)
}

// freeze takes the image while the journal stands still.
func freeze(ctx context.Context, s Source) (f *frozen, err error) {
	f = &frozen{}
	defer func() {
		if err != nil {
			f, err = nil, errors.Join(err, f.close())
		}
	}()
	open := func() (err error) {
		if s.pause != nil {
			s.pause()
			defer s.pause()
		}
		f.image, err = database.OpenImage(ctx, s.Dir.Database())
		return err
	}
	if s.Journal != nil {
		f.journal, err = s.Journal.Capture(open)
		return f, err
	}
	if err := open(); err != nil {
		return f, err
	}
	f.journal, err = journal.CaptureDir(s.Dir.Journal())
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	return f, err
}

func (f *frozen) close() error {
	var errs []error
	if f.image != nil {
		errs = append(errs, f.image.Close())
	}
	if f.journal != nil {
		errs = append(errs, f.journal.Close())
	}
	return errors.Join(errs...)
}

// describe makes the manifest.
func (f *frozen) describe(ctx context.Context) (Manifest, error) {
	m := Manifest{Format: Format, Schema: f.image.Schema(), Files: []File{{datadir.DatabaseName, f.image.Size()}}}
	if m.Schema == 0 {
		return m, errors.New("the database is empty: there is nothing to back up yet")
	}
	for _, count := range []struct {
		into  *int64
		table string
	}{
		{&m.Counts.Repositories, "repositories"}, {&m.Counts.Snapshots, "snapshots"},
		{&m.Counts.Outbox, "outbox"}, {&m.Counts.DeadLetters, "dead_letters"},
	} {
		if err := f.image.Get(ctx, count.into, "SELECT count(*) FROM "+count.table); err != nil {
			return m, fmt.Errorf("count %s: %w", count.table, err)
		}
	}
	err := f.image.Get(ctx, &m.ClientID, "SELECT value FROM meta WHERE key = 'client_id'")
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return m, fmt.Errorf("read the client id: %w", err)
	}
	if f.journal != nil {
		m.Counts.JournalEntries = f.journal.Entries
		for _, file := range f.journal.Files {
			m.Files = append(m.Files, File{datadir.JournalName + "/" + file.Name, file.Size})
		}
	}
	return m, nil
}

// write writes the archive.
func (f *frozen) write(ctx context.Context, w io.Writer, m Manifest) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	a := archive{tar: tar.NewWriter(w), created: m.Created}
	if err := a.add(manifestName, int64(len(text)), func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	}); err != nil {
		return err
	}
	if err := a.add(m.Files[0].Name, m.Files[0].Size, func(w io.Writer) error { return f.image.Copy(ctx, w) }); err != nil {
		return err
	}
	for i, file := range m.Files[1:] {
		if err := a.add(file.Name, file.Size, func(w io.Writer) error {
			_, err := io.Copy(w, patient{ctx, f.journal.Files[i].Read()})
			return err
		}); err != nil {
			return err
		}
	}
	sums := a.sums
	if err := a.add(sumsName, int64(len(sums)), func(w io.Writer) error {
		_, err := w.Write(sums)
		return err
	}); err != nil {
		return err
	}
	return a.tar.Close()
}

// archive is a tar archive with the checksums of what is in it.
type archive struct {
	tar     *tar.Writer
	created time.Time
	sums    []byte
}

// add adds a file that write writes.
func (a *archive) add(name string, size int64, write func(io.Writer) error) error {
	header := &tar.Header{
		Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600,
		ModTime: a.created.Truncate(time.Second), Format: tar.FormatPAX,
	}
	if err := a.tar.WriteHeader(header); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	sum := sha256.New()
	if err := write(io.MultiWriter(a.tar, sum)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	a.sums = fmt.Appendf(a.sums, "%x  %s\n", sum.Sum(nil), name)
	return nil
}

// patient is a reader that ends with its context.
type patient struct {
	ctx context.Context
	r   io.Reader
}

func (p patient) Read(b []byte) (int, error) {
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	return p.r.Read(b)
}

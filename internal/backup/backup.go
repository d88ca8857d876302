// Package backup writes everything that a data directory keeps into one stream, and
// makes a data directory of such a stream again.
//
// # Promises
//
// Everything that was acknowledged before Write was called is in the backup: snapshots in
// outbox and history, dead letters, and the documents in the journal that a sink does not
// have yet. The parts fit one another: the cursors, which stand in the database, are not
// ahead of the journal, and no entry behind one of them is missing. For that the image of
// the database is taken while the journal neither grows nor is truncated, for some
// milliseconds. Then both are read as they were at that moment while others write.
//
// Restore verifies everything before it changes anything: names, sizes, checksums, the
// database page by page, the journal. A backup that is cut off, damaged or newer than this
// program is refused.
//
// # Bounds
//
// No room for a second copy is needed. As long as Write runs the database's log cannot be
// emptied, and segments that the journal gives up keep their space: whoever reads slowly
// makes both grow by what is written meanwhile. Restore writes as much as the backup says
// it will, and refuses one that says more than the disk has room for.
//
// # Format
//
// A tar archive, compressed by zstd, of regular files in this order: pulltrail-backup.json
// (the Manifest), pulltrail.db, what is in the journal's directory, and SHA256SUMS with a
// line for each of them, as sha256sum reads it. Everybody can unpack it; only Restore gives
// the journal a name of its own (journal.Renew), without which documents that come later
// could be taken for others.
package backup

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/datadir"
)

// Format is the version of the format that Write writes.
const Format = 1

const (
	manifestName = "pulltrail-backup.json"
	sumsName     = "SHA256SUMS"
	// maxManifest bounds the manifest and the checksums in a backup, in bytes: some hundred
	// thousand files.
	maxManifest = 16 << 20
)

var (
	// ErrNewer says that a newer version of Pulltrail has made the backup.
	ErrNewer = errors.New("made by a newer version of Pulltrail")
	// ErrDamaged says that what was read is no whole backup.
	ErrDamaged = errors.New("this is no whole backup")
)

// Manifest says what a backup consists of.
type Manifest struct {
	Format int `json:"format"`
	// Program is the version of Pulltrail that made it.
	Program string    `json:"program"`
	Created time.Time `json:"created"`
	// Schema is the version of the database's schema.
	Schema int `json:"schema"`
	// ClientID names the data directory, where it has a name: its session at the broker.
	ClientID string `json:"client_id,omitempty"`
	Counts   Counts `json:"counts"`
	// Files are in the order in which they follow. Their checksums come last.
	Files []File `json:"files"`
}

// Counts are how much is in a backup.
type Counts struct {
	Repositories   int64 `json:"repositories"`
	Snapshots      int64 `json:"snapshots"`
	Outbox         int64 `json:"outbox"`
	DeadLetters    int64 `json:"dead_letters"`
	JournalEntries int64 `json:"journal_entries"`
}

// File is one file of a data directory.
type File struct {
	// Name is its path in the directory, with slashes.
	Name string `json:"name"`
	// Size is in bytes.
	Size int64 `json:"size"`
}

// Bytes is how many bytes the files have together.
func (m Manifest) Bytes() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
}

// journalFile is what may be in a journal's directory.
var journalFile = regexp.MustCompile(`^` + datadir.JournalName + `/(id|[0-9]{20}\.log)$`)

// validate refuses what this program cannot restore, and every name that is none of a
// data directory's: so no path leads elsewhere.
func (m Manifest) validate() error {
	switch {
	case m.Format > Format:
		return fmt.Errorf("%w (%s, format %d; this one knows %d): restore it with that version or a later one", ErrNewer, m.Program, m.Format, Format)
	case m.Schema > database.Version():
		return fmt.Errorf("%w (%s, schema %d; this one knows %d): restore it with that version or a later one", ErrNewer, m.Program, m.Schema, database.Version())
	case m.Format < 1 || m.Schema < 1:
		return fmt.Errorf("%w: its manifest has no format or no schema", ErrDamaged)
	case len(m.Files) == 0 || m.Files[0].Name != datadir.DatabaseName:
		return fmt.Errorf("%w: its manifest does not begin with %s", ErrDamaged, datadir.DatabaseName)
	}
	seen := map[string]bool{}
	var total int64
	for i, f := range m.Files {
		if seen[f.Name] || i > 0 && !journalFile.MatchString(f.Name) {
			return fmt.Errorf("%w: its manifest names %.100q, which does not belong there", ErrDamaged, f.Name)
		}
		seen[f.Name] = true
		if f.Size < 0 || f.Size > math.MaxInt64-total {
			return fmt.Errorf("%w: its manifest gives %s an impossible size", ErrDamaged, f.Name)
		}
		total += f.Size
	}
	return nil
}

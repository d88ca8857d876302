package journal

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"pulltrail/internal/document"
	"pulltrail/internal/durable"
)

// identity is the name of the file with the log's UUIDs, one a line. The first has been
// there from the beginning; each further one is followed by a space and the position of
// the first entry that has it.
const identity = "id"

// generation is a UUID of the log.
type generation struct {
	id    string
	first document.Position
}

// ID is the UUID of the entry at p. Together with the position it names the entry for
// all time, also where logs have parted: see Renew.
func (j *Journal) ID(p document.Position) string {
	last := len(j.generations) - 1
	for last > 0 && j.generations[last].first > p {
		last--
	}
	return j.generations[last].id
}

// Renew gives the log in dir, which nobody has open, a new UUID for the entries that are
// to come. A copy needs that before anything is appended to it: its original may have
// given the same positions to other entries since, and two documents with one id would be
// one. The entries that are there keep theirs, so that they are not stored twice.
func Renew(dir string, log *slog.Logger) error {
	j, err := Open(dir, Options{MaxBytes: math.MaxInt64, Log: log})
	if err != nil {
		return err
	}
	if err := errors.Join(j.renew(), j.Close()); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

func (j *Journal) renew() error {
	id, err := uuid.NewRandom()
	if err != nil {
		return err
	}
	next := generation{id.String(), j.last().next}
	all := j.generations
	if n := len(all); n > 1 && all[n-1].first == next.first {
		all = all[:n-1] // of no entry
	}
	return writeIdentity(j.dir, append(all[:len(all):len(all)], next))
}

// readIdentity returns nothing where there is none yet.
func readIdentity(dir string) ([]generation, error) {
	path := filepath.Join(dir, identity)
	f, err := durable.OpenFile(path, os.O_RDONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	var all []generation
	for line := range strings.Lines(strings.TrimSpace(string(b))) {
		g, err := parseGeneration(line)
		if err != nil || len(all) > 0 && g.first < all[len(all)-1].first {
			return nil, fmt.Errorf("%s: %.60q is not a UUID with its position; restore the file, or delete it to be given a new one", path, strings.TrimSpace(line))
		}
		all = append(all, g)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("%s is empty; restore the file, or delete it to be given a new one", path)
	}
	return all, nil
}

func parseGeneration(line string) (generation, error) {
	text, position, further := strings.Cut(strings.TrimSpace(line), " ")
	id, err := uuid.Parse(text)
	if err != nil {
		return generation{}, err
	}
	if !further {
		return generation{id: id.String()}, nil
	}
	first, err := strconv.ParseUint(position, 10, 64)
	return generation{id.String(), document.Position(first)}, err
}

// newIdentity is that of a log without one.
func newIdentity(dir string) ([]generation, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return nil, err
	}
	all := []generation{{id: id.String()}}
	return all, writeIdentity(dir, all)
}

func writeIdentity(dir string, all []generation) error {
	var text bytes.Buffer
	for i, g := range all {
		if i == 0 {
			fmt.Fprintln(&text, g.id)
		} else {
			fmt.Fprintln(&text, g.id, uint64(g.first))
		}
	}
	path := filepath.Join(dir, identity)
	f, err := durable.OpenFile(path+".tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(text.Bytes())
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+".tmp", path); err != nil {
		return err
	}
	return durable.SyncDir(dir)
}

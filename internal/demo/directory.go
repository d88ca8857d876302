package demo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/datadir"
	"pulltrail/internal/durable"
	"pulltrail/internal/history"
	"pulltrail/internal/hub"
	"pulltrail/internal/roster"
)

// markName is the file that tells the data directory of a demo from others. It holds
// when the demo began.
const markName = "demo"

// ErrNoDemo says that a data directory holds something else.
var ErrNoDemo = errors.New("it is not empty and holds no demo: name a new directory, the demo touches no other")

// Fill makes the data directory of a demo that begins now, or goes on with the one that
// is there, and fills it with history. Nobody else may use it meanwhile. The error is
// ErrNoDemo, and nothing was touched, where it holds anything else.
func Fill(ctx context.Context, path string, now time.Time, topic func(hub.Repository) string, progress func(done, total int)) (w *World, err error) {
	began, err := mark(path, now)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	dir, err := datadir.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, dir.Close()) }()
	db, err := database.Open(ctx, dir.Database())
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	w = New(began)
	return w, w.Seed(ctx, Stores{History: history.New(db), Roster: roster.New(db), Topic: topic, Progress: progress})
}

// mark says when the demo in a directory began, which is now where it is new or empty.
func mark(path string, now time.Time) (time.Time, error) {
	name := filepath.Join(path, markName)
	text, err := os.ReadFile(name)
	if err == nil {
		began, err := time.Parse(time.RFC3339, strings.TrimSpace(string(text)))
		if err != nil {
			return time.Time{}, fmt.Errorf("the file %s does not say when the demo began (%w): remove the directory", markName, err)
		}
		return began, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return time.Time{}, err
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return time.Time{}, err
	}
	entries, err := os.ReadDir(path)
	if err != nil {
		return time.Time{}, err
	}
	if len(entries) > 0 {
		return time.Time{}, ErrNoDemo
	}
	now = now.UTC().Truncate(time.Second)
	f, err := durable.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return time.Time{}, err
	}
	_, err = fmt.Fprintln(f, now.Format(time.RFC3339))
	return now, errors.Join(err, f.Close())
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// rig is what all stages share: the program, the broker, the cluster, and a directory
// that is removed at the end.
type rig struct {
	opts     options
	progress io.Writer
	root     string // of the module
	dir      string
	binary   string
	broker   string // host:port
	search   *openSearch
	machine  machine

	mosquitto *process
	names     int
}

func newRig(ctx context.Context, opts options, progress io.Writer) (*rig, error) {
	dir, err := os.MkdirTemp("", "pulltrail-bench-")
	if err != nil {
		return nil, err
	}
	r := &rig{opts: opts, progress: progress, dir: dir, search: newOpenSearch(opts.opensearch)}
	if err := r.prepare(ctx); err != nil {
		r.close()
		return nil, err
	}
	return r, nil
}

func (r *rig) prepare(ctx context.Context) (err error) {
	if r.machine, err = inspect(ctx, r); err != nil {
		return err
	}
	if r.machine.DataOn == memoryFilesystem {
		r.say("%s is in memory, so an fsync costs nothing there: set TMPDIR to a directory on a disk", r.dir)
	}
	if err := r.build(ctx); err != nil {
		return err
	}
	r.broker, r.mosquitto, err = startMosquitto(ctx, r.opts.mosquitto, r.dir)
	return err
}

// build makes the program of the module that the bench belongs to.
func (r *rig) build(ctx context.Context) error {
	file, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return fmt.Errorf("go env GOMOD: %w", err)
	}
	r.root = filepath.Dir(strings.TrimSpace(string(file)))
	if _, err := os.Stat(filepath.Join(r.root, "bench")); err != nil {
		return errors.New("run the bench in Pulltrail's own directory: it builds the program that it measures")
	}
	if r.opts.binary != "" {
		r.binary = r.opts.binary
		return nil
	}
	r.say("building pulltrail")
	r.binary = filepath.Join(r.dir, "pulltrail")
	command := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", r.binary, ".") //nolint:gosec // our own name
	command.Dir = r.root
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w\n%s", err, out)
	}
	return nil
}

// close stops the broker and removes the directory.
func (r *rig) close() {
	if r.mosquitto != nil {
		if err := r.mosquitto.stop(); err != nil {
			r.say("%v", err)
		}
	}
	if err := os.RemoveAll(r.dir); err != nil {
		r.say("%v", err)
	}
}

// unique is a word for an index and a topic that nothing else uses.
func (r *rig) unique(stage string) string {
	r.names++
	return fmt.Sprintf("pulltrail-bench-%s-%s-%d", stage, strconv.FormatInt(time.Now().UnixNano(), 36), r.names)
}

func (r *rig) resultsFile() string { return filepath.Join(r.root, "bench", "RESULTS.md") }

func (r *rig) say(format string, args ...any) {
	_, _ = fmt.Fprintf(r.progress, format+"\n", args...) // nobody to tell
}

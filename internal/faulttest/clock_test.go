//go:build integration

package faulttest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// clockVariable names the file with the seconds by which a program's wall clock is off.
const clockVariable = "FAULTTEST_CLOCK"

// shiftSource is a file for the standard library's package time: the wall clock is off by
// what the file says, which is looked up every 20 ms. Monotonic time goes on as it is.
// Now itself looks up nothing, because the scheduler calls it too.
const shiftSource = `package time

import (
	"sync/atomic"
	"syscall"
)

var shift atomic.Int64

func wallShift() int64 { return shift.Load() }

func init() {
	readShift()
	go func() {
		for {
			Sleep(20 * Millisecond)
			readShift()
		}
	}()
}

func readShift() {
	path, _ := syscall.Getenv("` + clockVariable + `")
	file, err := syscall.Open(path, syscall.O_RDONLY, 0)
	if err != nil {
		return
	}
	defer syscall.Close(file)
	var text [32]byte
	n, _ := syscall.Read(file, text[:])
	seconds, sign := int64(0), int64(1)
	for _, c := range text[:max(n, 0)] {
		switch {
		case c == '-':
			sign = -1
		case c >= '0' && c <= '9':
			seconds = seconds*10 + int64(c-'0')
		}
	}
	shift.Store(sign * seconds)
}
`

// clock moves the wall clock of the programs that are built with it, and of no other.
type clock struct{ file string }

// newClock builds the real program with a standard library whose clock can be moved.
func newClock(t *testing.T) (c clock, binary string) {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(strings.TrimSpace(string(root)), "src", "time")
	text, err := os.ReadFile(filepath.Join(source, "time.go"))
	if err != nil {
		t.Fatal(err)
	}
	const read = "func Now() Time {\n\tsec, nsec, mono := runtimeNow()\n"
	if !strings.Contains(string(text), read) {
		t.Fatal("time.Now of this version of Go reads the clock in another way: write its beginning here")
	}
	dir := t.TempDir()
	replaced := map[string]string{filepath.Join(source, "time.go"): strings.Replace(string(text), read, read+"\tsec += wallShift()\n", 1), filepath.Join(source, "shift.go"): shiftSource}
	overlay := map[string]map[string]string{"Replace": {}}
	for original, content := range replaced {
		path := filepath.Join(dir, filepath.Base(original))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		overlay["Replace"][original] = path
	}
	encoded, err := json.Marshal(overlay)
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(list, encoded, 0o600); err != nil {
		t.Fatal(err)
	}
	if binary, err = buildProgram("-overlay", list); err != nil {
		t.Fatal(err)
	}
	c = clock{filepath.Join(dir, "clock")}
	c.move(t, 0)
	return c, binary
}

// move sets by how much the clock is off.
func (c clock) move(t *testing.T, by time.Duration) {
	t.Helper()
	if err := os.WriteFile(c.file+".new", []byte(strconv.Itoa(int(by/time.Second))), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(c.file+".new", c.file); err != nil {
		t.Fatal(err)
	}
}

//go:build integration

package faulttest

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // reads what a killed daemon has left
)

// daemon is the real program, in a process and a data directory of its own.
type daemon struct {
	t       *testing.T
	binary  string
	config  string
	dataDir string
	web     string
	env     []string
	command *exec.Cmd
	ended   chan struct{} // closed when command has ended
}

// program is the binary, built once for all tests.
var program = sync.OnceValues(func() (string, error) { return buildProgram() })

// buildProgram builds the program with more arguments for go build, if any.
func buildProgram(arguments ...string) (string, error) {
	dir, err := os.MkdirTemp("", "pulltrail-faults-")
	if err != nil {
		return "", err
	}
	built := filepath.Join(dir, "pulltrail")
	arguments = append(append([]string{"build", "-o", built}, arguments...), "pulltrail")
	if out, err := exec.Command("go", arguments...).CombinedOutput(); err != nil {
		return "", fmt.Errorf("go %v: %w\n%s", arguments, err, out)
	}
	return built, nil
}

func (d *daemon) start() {
	d.t.Helper()
	d.command = exec.Command(d.binary, "run", "--config", d.config)
	d.command.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + filepath.Dir(d.config)}, d.env...)
	d.command.Stdout, d.command.Stderr = d.t.Output(), d.t.Output()
	d.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := d.command.Start(); err != nil {
		d.t.Fatal(err)
	}
	d.ended = make(chan struct{})
	go func(command *exec.Cmd, ended chan struct{}) {
		_ = command.Wait()
		close(ended)
	}(d.command, d.ended)
	d.t.Cleanup(func() {
		if d.alive() {
			d.kill() // a test that failed half-way
		}
	})
}

// ready waits until the program takes documents.
func (d *daemon) ready() {
	d.t.Helper()
	eventually(d.t, patience, "readiness", func() error {
		if !d.alive() {
			d.t.Fatal("the program has ended by itself")
		}
		_, body, err := d.get("/-/ready")
		if err == nil && !strings.Contains(body, `"subscriber of documents","ok":true`) && strings.Contains(body, "not subscribed") {
			err = fmt.Errorf("%s", body)
		}
		return err
	})
}

// opened waits until the program has its data directory. Before it is that far, the signal to
// read the configuration anew would end it, as it ends any program that does not heed it.
func (d *daemon) opened() {
	d.t.Helper()
	eventually(d.t, patience, "the lock of the data directory", func() error {
		owner, err := os.ReadFile(filepath.Join(d.dataDir, "lock"))
		if err == nil && strings.TrimSpace(string(owner)) != strconv.Itoa(d.command.Process.Pid) {
			err = fmt.Errorf("it is that of %q", owner)
		}
		return err
	})
}

// kill ends it at once. What was in the outbox then is owed.
func (d *daemon) kill() {
	d.t.Helper()
	d.signal(syscall.SIGKILL)
}

// terminate ends it in order.
func (d *daemon) terminate() {
	d.t.Helper()
	d.signal(syscall.SIGTERM)
	if code := d.command.ProcessState.ExitCode(); code != 0 {
		d.t.Errorf("after SIGTERM the program ended with %d", code)
	}
}

func (d *daemon) signal(s syscall.Signal) {
	d.t.Helper()
	select {
	case <-d.ended:
		d.t.Fatal("the program has ended by itself")
	default:
	}
	if err := d.command.Process.Signal(s); err != nil {
		d.t.Fatal(err)
	}
	<-d.ended
}

func (d *daemon) alive() bool {
	select {
	case <-d.ended:
		return false
	default:
		return true
	}
}

func (d *daemon) get(path string) (status int, body string, err error) {
	response, err := http.Get("http://" + d.web + path)
	if err != nil {
		return 0, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, string(text), err
}

// clockIsOff objects unless the program's clock differs from this one's by about so much.
func (d *daemon) clockIsOff(by time.Duration) error {
	response, err := http.Get("http://" + d.web + "/-/healthy")
	if err != nil {
		return err
	}
	defer response.Body.Close()
	date, err := http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		return err
	}
	if off := time.Until(date); (off - by).Abs() > 10*time.Second {
		return fmt.Errorf("it is off by %v", off)
	}
	return nil
}

// settled objects while anything is on its way.
func (d *daemon) settled() error {
	_, metrics, err := d.get("/metrics")
	if err != nil {
		return err
	}
	seen := 0
	for line := range strings.Lines(metrics) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		base, _, _ := strings.Cut(name, "{")
		switch base {
		case "pulltrail_outbox_snapshots", "pulltrail_indexer_lag_entries", "pulltrail_mqtt_queue_messages":
			seen++
			if value != "0" {
				return fmt.Errorf("%s is %s", name, value)
			}
		}
	}
	if seen < 5 { // the outbox, two logs, two queues
		return fmt.Errorf("only %d of the metrics are there", seen)
	}
	return nil
}

// outbox is what stands in the outbox of a program that does not run: the numbers of
// its snapshots.
func (d *daemon) outbox() []int {
	d.t.Helper()
	path := filepath.Join(d.dataDir, "pulltrail.db")
	if _, err := os.Stat(path); err != nil {
		return nil // ended before there was one
	}
	db, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	var tables int
	if err := db.QueryRow("SELECT count(*) FROM sqlite_master WHERE name = 'outbox'").Scan(&tables); err != nil || tables == 0 {
		return nil // ended before there was one
	}
	rows, err := db.Query("SELECT payload FROM outbox")
	if err != nil {
		d.t.Fatal(err)
	}
	defer rows.Close()
	var numbers []int
	for rows.Next() {
		var payload []byte
		var snapshot struct {
			PullCount int `json:"pull_count"`
		}
		if err := rows.Scan(&payload); err != nil {
			d.t.Fatal(err)
		}
		if err := json.Unmarshal(payload, &snapshot); err != nil {
			d.t.Fatal(err)
		}
		numbers = append(numbers, snapshot.PullCount)
	}
	if err := rows.Err(); err != nil {
		d.t.Fatal(err)
	}
	return numbers
}

// command runs a sub-command beside the daemon.
func (d *daemon) run(arguments ...string) string {
	d.t.Helper()
	command := exec.Command(d.binary, append(arguments, "--config", d.config)...)
	command.Env = d.command.Env
	out, err := command.CombinedOutput()
	if err != nil {
		d.t.Fatalf("pulltrail %v: %v\n%s", arguments, err, out)
	}
	return string(out)
}

// unique is a word that no earlier run has used.
func unique() string { return "ft" + strconv.FormatInt(time.Now().UnixNano(), 36) }

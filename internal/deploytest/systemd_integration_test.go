//go:build integration

package deploytest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// machine is a systemd of its own, on what this machine has installed. What it changes is
// its own, and so is its network.
type machine struct {
	t      *testing.T
	root   string
	leader string // the process id of its systemd
}

// boot skips the test where a machine may not be had.
func boot(t *testing.T) *machine {
	t.Helper()
	root(t, "systemd-nspawn", "nsenter")
	dir := t.TempDir()
	m := &machine{t: t, root: filepath.Join(dir, "root")}
	upper, work := filepath.Join(dir, "upper"), filepath.Join(dir, "work")
	for _, d := range []string{m.root, upper, work} {
		if err := os.Mkdir(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mount("overlay", m.root, "overlay", 0, "lowerdir=/,upperdir="+upper+",workdir="+work); err != nil {
		t.Skipf("nothing can be laid over the root of this machine: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(m.root, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	if out, err := m.spawn("/bin/true").CombinedOutput(); err != nil {
		t.Skipf("no machine can be had in this one: %v: %s", err, out)
	}
	m.start()
	return m
}

func (m *machine) spawn(args ...string) *exec.Cmd {
	return exec.Command("systemd-nspawn", append([]string{"--quiet", "--directory=" + m.root, "--register=no", "--keep-unit", "--private-network", "--console=pipe"}, args...)...)
}

func (m *machine) start() {
	m.t.Helper()
	spawned := m.spawn("--boot", "systemd.unit=basic.target")
	spawned.Stdout, spawned.Stderr = m.t.Output(), m.t.Output()
	if err := spawned.Start(); err != nil {
		m.t.Fatal(err)
	}
	m.t.Cleanup(func() {
		_ = exec.Command("kill", "-KILL", m.leader).Run() // its end is that of all its processes
		_ = spawned.Wait()
	})
	await(m.t, "a machine of its own", func() bool {
		children, err := exec.Command("pgrep", "--parent", strconv.Itoa(spawned.Process.Pid)).Output()
		m.leader, _, _ = strings.Cut(string(children), "\n")
		if err != nil || m.leader == "" {
			return false
		}
		state, _ := m.in("systemctl", "is-system-running").Output() // fails until it runs
		return strings.HasPrefix(string(state), "running") || strings.HasPrefix(string(state), "degraded")
	})
}

// in is a command in there.
func (m *machine) in(args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(m.t.Context(), patience)
	m.t.Cleanup(cancel)
	return exec.CommandContext(ctx, "nsenter", append([]string{"--target=" + m.leader, "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--"}, args...)...)
}

// do runs a command that must succeed.
func (m *machine) do(args ...string) string {
	m.t.Helper()
	return output(m.t, m.in(args...))
}

// property is what systemd says of the service.
func (m *machine) property(name string) string {
	m.t.Helper()
	return strings.TrimSpace(m.do("systemctl", "show", "--property="+name, "--value", "pulltrail"))
}

// log is that of the service.
func (m *machine) log() string {
	m.t.Helper()
	return m.do("journalctl", "--no-pager", "--unit=pulltrail")
}

func (m *machine) write(path, content string) {
	m.t.Helper()
	write := m.in("tee", path)
	write.Stdin = strings.NewReader(content)
	output(m.t, write)
}

// runsAsAService installs the package where systemd runs, and looks at the service as its
// owner does.
func runsAsAService(t *testing.T, deb string) {
	m := boot(t)
	m.do("mkdir", "--parents", "/opt/test")
	installer := "/opt/test/pulltrail.deb"
	output(t, exec.Command("cp", deb, filepath.Join(m.root, installer)))
	m.do("dpkg", "--install", installer)
	const config = "/etc/pulltrail/config.yaml"
	settings := func(level string) string {
		return "data_dir: /var/lib/pulltrail\nlog: {level: " + level + "}\ncollector: {repositories: [nginx], run_on_start: false, username: me, password_file: /run/credentials/pulltrail.service/secrets_hub}\n"
	}
	m.write("/etc/pulltrail/secrets/hub", "hunter2\n")
	m.write(config, settings("info"))
	active := func() bool { return m.property("ActiveState") == "active" }

	m.do("systemctl", "start", "pulltrail")
	if !active() || m.property("StatusText") != "running" {
		t.Fatalf("it is %s: %s", m.property("ActiveState"), m.log())
	}
	if uid := strings.TrimSpace(m.do("stat", "--format=%u", "/proc/"+m.property("MainPID"))); uid == "0" {
		t.Error("it runs as root")
	}
	m.write("/opt/test/old.jsonl", `{"namespace":"library","name":"nginx","pull_count":12916987208,"timestamp":"2026-01-02T03:04:05Z"}`+"\n")
	m.do("pulltrail", "--config", config, "import", "/opt/test/old.jsonl")
	kept := func(when string) {
		t.Helper()
		if top := m.do("pulltrail", "--config", config, "top"); !strings.Contains(top, "library/nginx") {
			t.Errorf("%s nothing is left: %s", when, top)
		}
	}
	kept("after an import")

	m.write(config, settings("warn"))
	if err := m.in("systemctl", "reload", "pulltrail").Run(); err != nil {
		t.Errorf("a change was refused: %v: %s", err, m.log())
	}
	m.write(config, settings("loud"))
	if err := m.in("systemctl", "reload", "pulltrail").Run(); err == nil || !strings.Contains(m.log(), `log.level: "loud"`) {
		t.Errorf("a mistake was taken: %s", m.log())
	}
	if !active() || !strings.Contains(m.log(), "Changed: log.level") {
		t.Errorf("after reloads it is %s: %s", m.property("ActiveState"), m.log())
	}
	m.write(config, settings("info"))

	again := func(why string, harm func()) {
		t.Helper()
		before := m.property("MainPID")
		harm()
		await(t, "a restart "+why, func() bool { pid := m.property("MainPID"); return active() && pid != before && pid != "0" })
		kept(why)
	}
	again("after a kill", func() { m.do("systemctl", "kill", "--signal=KILL", "pulltrail") })
	again("after an upgrade", func() { m.do("dpkg", "--install", "--force-confold", installer) })
	m.do("mkdir", "--parents", "/etc/systemd/system/pulltrail.service.d")
	m.write("/etc/systemd/system/pulltrail.service.d/impatient.conf", "[Service]\nWatchdogSec=2s\nRestartSec=100ms\n")
	m.do("systemctl", "daemon-reload")
	m.do("systemctl", "restart", "pulltrail")
	again("when it gives no sign of life", func() { m.do("systemctl", "kill", "--kill-who=main", "--signal=STOP", "pulltrail") })
	if !strings.Contains(m.log(), "Watchdog timeout") {
		t.Errorf("it was not the watchdog: %s", m.log())
	}

	m.do("pulltrail", "backup", "--data-dir", "/var/lib/pulltrail", "/opt/test/backup.tar.zst")
	m.do("systemctl", "stop", "pulltrail")
	if result := m.property("Result"); result != "success" {
		t.Errorf("it ended with %s: %s", result, m.log())
	}
	m.do("pulltrail", "restore", "--replace", "--data-dir", "/var/lib/private/pulltrail", "/opt/test/backup.tar.zst")
	m.do("systemctl", "start", "pulltrail")
	kept("after a restore")
	m.do("dpkg", "--purge", "pulltrail")
	m.do("test", "-s", "/var/lib/private/pulltrail/pulltrail.db") // the history is its owner's
	if strings.Contains(m.log(), "hunter2") {
		t.Error("the secret is in the log")
	}
}

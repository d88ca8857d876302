//go:build integration

package deploytest

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"pulltrail/internal/hubtest"
)

// mostExposed is what systemd may find the service exposed to: 15 of 100.
const mostExposed = "15"

const (
	installedProgram = "usr/bin/pulltrail"
	installedUnit    = "usr/lib/systemd/system/pulltrail.service"
	installedConfig  = "etc/pulltrail/config.yaml"
)

// dpkg works on a system of its own below dir, with the maintainer's scripts run outside.
func dpkg(dir string, args ...string) *exec.Cmd {
	return exec.Command("dpkg", append([]string{"--root=" + dir, "--force-script-chrootless"}, args...)...)
}

func TestThePackages(t *testing.T) {
	root(t, "dpkg", "rpm", "systemd-analyze")
	files := release(t)
	deb, rpm := filepath.Join(files, "pulltrail_1.2.3_amd64.deb"), filepath.Join(files, "pulltrail-1.2.3-1.x86_64.rpm")
	system := t.TempDir()
	if err := os.MkdirAll(filepath.Join(system, "var/lib/dpkg"), 0o755); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(system, "var/lib/dpkg/status"), "")
	told := output(t, dpkg(system, "-i", deb))
	if !strings.Contains(told, "systemctl enable --now pulltrail") {
		t.Errorf("nobody is told how to start it: %s", told)
	}
	t.Run("have the same files", func(t *testing.T) {
		listed := output(t, exec.Command("rpm", "-qlp", rpm))
		for _, name := range []string{installedProgram, installedUnit, installedConfig, "etc/pulltrail/secrets", "usr/share/doc/pulltrail/OPERATIONS.md", "usr/share/man/man1/pulltrail.1.gz", "usr/share/man/man1/pulltrail-collect.1.gz", "usr/share/bash-completion/completions/pulltrail", "usr/share/fish/vendor_completions.d/pulltrail.fish"} {
			if _, err := os.Stat(filepath.Join(system, name)); err != nil || !strings.Contains(listed, "/"+name+"\n") {
				t.Errorf("%s: deb %v, rpm %s", name, err, listed)
			}
		}
		if configs := output(t, exec.Command("rpm", "-qcp", rpm)); configs != "/"+installedConfig+"\n" {
			t.Errorf("the configuration of the rpm: %q", configs)
		}
		if info, err := os.Stat(filepath.Join(system, "etc/pulltrail/secrets")); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("secrets: %v, %v", info.Mode(), err)
		}
	})
	t.Run("have man pages", func(t *testing.T) {
		page := output(t, exec.Command("gzip", "-cd", filepath.Join(system, "usr/share/man/man1/pulltrail.1.gz")))
		if !strings.HasPrefix(page, ".TH PULLTRAIL 1 ") {
			t.Errorf("%.100s", page)
		}
	})
	t.Run("have the licences, and a list of everything that the program is made of", func(t *testing.T) {
		listsWhatItIsMadeOf(t, system)
		if licences := output(t, exec.Command("rpm", "-qp", "--licensefiles", rpm)); licences != "/usr/share/licenses/pulltrail/LICENSE\n" {
			t.Errorf("the licence of the rpm: %q", licences)
		}
	})
	t.Run("are part of a release that is the same when it is built again", func(t *testing.T) { isTheSameAgain(t, files) })
	t.Run("have a unit without a mistake, which is exposed to little", func(t *testing.T) {
		// The units that it refers to are those of this machine.
		output(t, exec.Command("cp", "-rn", "/usr/lib/systemd/system/.", filepath.Join(system, "usr/lib/systemd/system")))
		verify := exec.Command("systemd-analyze", "verify", "--man=no", "--root="+system, "pulltrail.service")
		if out, err := verify.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%v: %s", err, out)
		}
		output(t, exec.Command("systemd-analyze", "security", "--no-pager", "--offline=true", "--threshold="+mostExposed, filepath.Join(system, installedUnit)))
	})
	t.Run("have a program that systemd can start", func(t *testing.T) { startsAsAService(t, system) })
	t.Run("run as a service of systemd", func(t *testing.T) { runsAsAService(t, deb) })
	t.Run("keep a configuration that was changed", func(t *testing.T) {
		config := filepath.Join(system, installedConfig)
		changed := read(t, config) + "# mine\n"
		write(t, config, changed)
		output(t, dpkg(system, "-i", deb))
		if read(t, config) != changed {
			t.Error("an upgrade has replaced it")
		}
		output(t, dpkg(system, "-r", "pulltrail"))
		if read(t, config) != changed {
			t.Error("a removal has taken it away")
		}
		if _, err := os.Stat(filepath.Join(system, installedProgram)); err == nil {
			t.Error("the program is still there")
		}
		output(t, dpkg(system, "-P", "pulltrail"))
		if _, err := os.Stat(config); err == nil {
			t.Error("a purge has left it")
		}
	})
	t.Run("install as rpm too", func(t *testing.T) {
		other := t.TempDir()
		// There is no shell for its scripts in there; dpkg has run them.
		output(t, exec.Command("rpm", "--root="+other, "--dbpath=/var/lib/rpm", "-i", "--nodeps", "--noscripts", "--ignorearch", rpm))
		version := output(t, exec.Command(filepath.Join(other, installedProgram), "version"))
		if !strings.HasPrefix(version, "pulltrail 1.2.3 (commit ") {
			t.Error(version)
		}
	})
}

// startsAsAService plays systemd: it starts the program as the unit says, listens to what
// it says, and stops it.
func startsAsAService(t *testing.T, system string) {
	socket := filepath.Join(t.TempDir(), "notify")
	notified, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer notified.Close()
	_, command, _ := strings.Cut(read(t, filepath.Join(system, installedUnit)), "\nExecStart=")
	command, _, _ = strings.Cut(command, "\n")
	args := strings.Fields(command)
	for i, arg := range args {
		if strings.HasPrefix(arg, "/") {
			args[i] = system + arg
		}
	}
	service := exec.Command(args[0], args[1:]...)
	service.Env = []string{
		"NOTIFY_SOCKET=" + socket, "WATCHDOG_USEC=200000",
		"PULLTRAIL_COLLECTOR_URL=" + hubtest.New(t).URL, "PULLTRAIL_DATA_DIR=" + t.TempDir(),
		"PULLTRAIL_WEB_LISTEN=127.0.0.1:0", "PULLTRAIL_MQTT_EMBEDDED_LISTEN=127.0.0.1:0",
	}
	service.Stderr = t.Output()
	if err := service.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = service.Process.Kill() }() // where it has not ended before
	expect := func(want string) {
		t.Helper()
		buffer := make([]byte, 4096)
		for {
			if err := notified.SetReadDeadline(time.Now().Add(patience)); err != nil {
				t.Fatal(err)
			}
			n, err := notified.Read(buffer)
			if err != nil {
				t.Fatalf("it does not say %s: %v", want, err)
			}
			if strings.Contains(string(buffer[:n]), want) {
				return
			}
		}
	}
	expect("READY=1")
	expect("WATCHDOG=1")
	if err := service.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	expect("STOPPING=1")
	if err := service.Wait(); err != nil {
		t.Error(err)
	}
}

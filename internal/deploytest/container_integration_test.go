//go:build integration

package deploytest

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"pulltrail/internal/broker"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/porttest"
)

// container runs an image as an engine does, without one: its user and environment, its
// files as a root that cannot be written, a volume.
type container struct {
	image
	files string
}

// enter mounts what it has in a name space of its own, and ends in the program: what
// kills this process kills the program.
const enter = `
mount --bind "$FILES" "$FILES" || exit 125
if [ -n "$VOLUME" ]; then mount --bind "$VOLUME" "$FILES/data" || exit 125; fi
mount -o remount,bind,ro "$FILES" || exit 125
exec env -u FILES -u VOLUME chroot --userspec="$ENGINE_USER" --groups= "$FILES" "$@"`

// command is a program in the container. volume may be empty for none.
func (c container) command(volume string, env []string, program ...string) *exec.Cmd {
	cmd := exec.Command("unshare", slices.Concat([]string{"--mount", "sh", "-c", enter, "sh"}, program)...)
	cmd.Env = slices.Concat(c.Docker.Config.Env, env, []string{"FILES=" + c.files, "VOLUME=" + volume, "ENGINE_USER=" + c.Docker.Config.User})
	if !slices.ContainsFunc(cmd.Env, func(v string) bool { return strings.HasPrefix(v, "PATH=") }) {
		cmd.Env = append(cmd.Env, "PATH="+os.Getenv("PATH"))
	}
	return cmd
}

// start runs the image's entry point without arguments.
func (c container) start(t *testing.T, volume string, env []string) *exec.Cmd {
	t.Helper()
	cmd := c.command(volume, env, c.Docker.Config.Entrypoint...)
	cmd.Stderr = t.Output()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() }) // where it has not ended before
	return cmd
}

// healthy asks as the engine does: the exit code counts.
func (c container) healthy(volume string, env []string) bool {
	return c.command(volume, env, c.Docker.Config.Healthcheck.Test[1:]...).Run() == nil
}

func (c container) keepsWhatItHas(t *testing.T) {
	const user = 5241
	hub := hubtest.New(t)
	hub.Set("library/nginx", 12916987208)
	volume := t.TempDir()
	if err := os.Chown(volume, user, user); err != nil {
		t.Fatal(err)
	}
	reachable(t, volume)
	address := porttest.Address(t)
	env := []string{
		"PULLTRAIL_COLLECTOR_URL=" + hub.URL, "PULLTRAIL_COLLECTOR_REPOSITORIES=nginx",
		"PULLTRAIL_WEB_LISTEN=" + address, "PULLTRAIL_MQTT_EMBEDDED_LISTEN=127.0.0.1:0", "PULLTRAIL_COLLECTOR_TIMEZONE=Europe/Berlin",
	}
	stored := func() bool {
		return strings.Contains(get("http://"+address+"/api/v1/repositories/library/nginx"), "12916987208")
	}
	if c.healthy(volume, env) {
		t.Fatal("healthy before it has started")
	}
	daemon := c.start(t, volume, env)
	await(t, "a healthy daemon", func() bool { return c.healthy(volume, env) })
	await(t, "a snapshot in history", stored)
	info, err := os.Stat(filepath.Join(volume, "pulltrail.db"))
	if err != nil {
		t.Fatal(err)
	}
	if uid, gid := owner(info); uid != user || gid != user {
		t.Errorf("history belongs to %d:%d", uid, gid)
	}
	if err := daemon.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = daemon.Wait() // it says that it was killed
	if c.healthy(volume, env) {
		t.Error("healthy after it was killed")
	}
	c.start(t, volume, append(env, "PULLTRAIL_COLLECTOR_RUN_ON_START=false", "PULLTRAIL_COLLECTOR_URL=http://127.0.0.1:1"))
	await(t, "what was stored before the kill", stored)
}

func (c container) publishesOnce(t *testing.T) {
	hub := hubtest.New(t)
	hub.Set("library/nginx", 12916987208)
	port := serveBroker(t)
	cmd := c.command("", []string{
		"MQTT_SERVER=127.0.0.1", "MQTT_PORT=" + port, "MQTT_TOPIC=com/docker/hub", "MQTT_RETAIN=true",
		"REPOSITORIES=library/nginx", "PULLTRAIL_COLLECTOR_URL=" + hub.URL,
	}, c.Docker.Config.Entrypoint...)
	if out := output(t, cmd); !strings.Contains(out, "1 published") {
		t.Error(out)
	}
}

// serveBroker returns the port of a broker.
func serveBroker(t *testing.T) string {
	t.Helper()
	b, err := broker.New(broker.Options{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Serve(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	_, port, _ := net.SplitHostPort(b.Addr().String())
	return port
}

// get is the body of an answer, empty where there is none.
func get(url string) string {
	response, err := http.Get(url)
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		return ""
	}
	return string(body)
}

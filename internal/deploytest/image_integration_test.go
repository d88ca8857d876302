//go:build integration

package deploytest

import (
	"debug/elf"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// maxImage bounds the size of the image, in bytes.
const maxImage = 30 << 20

const (
	buildBase = "localhost/pulltrail-build"
	pulltrail = "localhost/pulltrail"
)

// buildah builds images in a storage of the test's own.
type buildah struct {
	t   *testing.T
	env []string
}

// newBuildah makes the storage, and the image that stands in for that of Go.
func newBuildah(t *testing.T) buildah {
	t.Helper()
	root(t, "buildah", "unshare", "chroot")
	dir := t.TempDir()
	storage := fmt.Sprintf("[storage]\ndriver = \"vfs\"\ngraphroot = %q\nrunroot = %q\n", filepath.Join(dir, "graph"), filepath.Join(dir, "run"))
	write(t, filepath.Join(dir, "storage.conf"), storage)
	b := buildah{t, append(os.Environ(), "CONTAINERS_STORAGE_CONF="+filepath.Join(dir, "storage.conf"), "BUILDAH_ISOLATION=chroot")}
	b.run(filepath.Join(project(t), "deploy/image/stand-in.sh"), buildBase)
	return b
}

func (b buildah) run(program string, args ...string) string {
	b.t.Helper()
	cmd := exec.Command(program, args...)
	cmd.Env, cmd.Dir = b.env, project(b.t)
	return output(b.t, cmd)
}

// build makes an image of the Dockerfile for a platform.
func (b buildah) build(tag, format, platform string) {
	b.t.Helper()
	mounts := strings.Fields(b.run("deploy/image/stand-in.sh", "--mounts"))
	native := strings.TrimSpace(b.run("go", "env", "GOHOSTARCH"))
	b.run("buildah", slices.Concat([]string{"build", "--quiet", "--pull-never", "--format", format, "--platform", platform, "--timestamp", "1767225600"},
		[]string{"--build-arg", "BUILD_IMAGE=" + buildBase, "--build-arg", "BUILDPLATFORM=linux/" + native},
		[]string{"--build-arg", "VERSION=1.2.3", "--build-arg", "REVISION=abcdef"},
		mounts, []string{"-t", tag, "."})...)
}

// image is what an engine is told of an image.
type image struct {
	Digest string `json:"FromImageDigest"`
	Docker struct {
		Architecture string
		Config       struct {
			User         string
			Env          []string
			Entrypoint   []string
			WorkingDir   string
			Volumes      map[string]struct{}
			ExposedPorts map[string]struct{}
			Labels       map[string]string
			Healthcheck  struct{ Test []string }
		}
		RootFS struct {
			Layers []string `json:"diff_ids"`
		}
	}
}

func (b buildah) inspect(tag string) (found image) {
	b.t.Helper()
	if err := json.Unmarshal([]byte(b.run("buildah", "inspect", "--type", "image", tag)), &found); err != nil {
		b.t.Fatal(err)
	}
	return found
}

// unpack returns the directory with an image's files.
func (b buildah) unpack(tag string) string {
	b.t.Helper()
	container := strings.TrimSpace(b.run("buildah", "from", "--pull-never", tag))
	return strings.TrimSpace(b.run("buildah", "mount", container))
}

func TestTheImage(t *testing.T) {
	b := newBuildah(t)
	b.build(pulltrail, "docker", "linux/amd64")
	native, files := b.inspect(pulltrail), b.unpack(pulltrail)

	t.Run("is small, and has nothing in it that need not be there", func(t *testing.T) {
		var size int64
		var names []string
		err := filepath.WalkDir(files, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil {
				size += info.Size()
				names = append(names, strings.TrimPrefix(path, files))
			}
			return err
		})
		if err != nil || size >= maxImage {
			t.Errorf("%d bytes, %v", size, err)
		}
		t.Logf("%.1f MB", float64(size)/1e6)
		if diff := cmp.Diff([]string{"/etc/ssl/certs/ca-certificates.crt", "/pulltrail"}, names); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("says how it is run", func(t *testing.T) {
		config := native.Docker.Config
		for _, c := range []struct{ what, got, want string }{
			{"user", config.User, "5241:5241"},
			{"entry point", fmt.Sprint(config.Entrypoint), "[/pulltrail]"},
			{"working directory", config.WorkingDir, "/etc/pulltrail"},
			{"volumes", fmt.Sprint(config.Volumes), "map[/data:{}]"},
			{"ports", fmt.Sprint(config.ExposedPorts), "map[8080/tcp:{}]"},
			{"health check", fmt.Sprint(config.Healthcheck.Test), "[CMD /pulltrail healthcheck]"},
			{"version", config.Labels["org.opencontainers.image.version"], "1.2.3"},
			{"revision", config.Labels["org.opencontainers.image.revision"], "abcdef"},
			{"title", config.Labels["org.opencontainers.image.title"], "Pulltrail"},
		} {
			if c.got != c.want {
				t.Errorf("%s: got %s, want %s", c.what, c.got, c.want)
			}
		}
		for _, want := range []string{"PULLTRAIL_DATA_DIR=/data", "PULLTRAIL_WEB_LISTEN=:8080", "PULLTRAIL_WEB_PUBLIC=true"} {
			if !slices.Contains(config.Env, want) {
				t.Errorf("%s is not in %q", want, config.Env)
			}
		}
	})
	t.Run("is the same when it is built again", func(t *testing.T) {
		// Docker's format has the name of the container that it was built in.
		b := b
		b.t = t
		b.build(pulltrail+":one", "oci", "linux/amd64")
		b.build(pulltrail+":two", "oci", "linux/amd64")
		one, two := b.inspect(pulltrail+":one"), b.inspect(pulltrail+":two")
		if one.Digest == "" || one.Digest != two.Digest {
			t.Errorf("%s and %s", one.Digest, two.Digest)
		}
		if diff := cmp.Diff(one.Docker.RootFS.Layers, native.Docker.RootFS.Layers); diff != "" {
			t.Errorf("in Docker's format it has other files: %s", diff)
		}
	})
	t.Run("is compiled for arm64 too", func(t *testing.T) {
		b := b
		b.t = t
		b.build(pulltrail+":arm64", "oci", "linux/arm64")
		program, err := elf.Open(filepath.Join(b.unpack(pulltrail+":arm64"), "pulltrail"))
		if err != nil {
			t.Fatal(err)
		}
		defer program.Close()
		libraries, err := program.ImportedLibraries()
		if arch := b.inspect(pulltrail + ":arm64").Docker.Architecture; arch != "arm64" || program.Machine != elf.EM_AARCH64 || len(libraries) > 0 || err != nil {
			t.Errorf("%s, %s, %q, %v", arch, program.Machine, libraries, err)
		}
	})
	c := container{native, files}
	t.Run("keeps what it has when it is killed, as its user, on a read-only root", c.keepsWhatItHas)
	t.Run("publishes once without a data directory, as the tutorial's job does", c.publishesOnce)
}

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

// machine is where the results come from.
type machine struct {
	Cores      int     `json:"cores"`
	CPU        string  `json:"cpu"`
	MemoryGiB  float64 `json:"memory_gib"`
	Kernel     string  `json:"kernel"`
	Load       string  `json:"load"`              // of the minute before the run
	DataOn     string  `json:"data_directory_on"` // a kind of file system
	OpenSearch string  `json:"opensearch"`
	Mosquitto  string  `json:"mosquitto"`
	Go         string  `json:"go"`
}

const memoryFilesystem = "tmpfs"

func inspect(ctx context.Context, r *rig) (m machine, err error) {
	m = machine{Cores: runtime.NumCPU(), CPU: cpuModel(), Go: runtime.Version()}
	if m.OpenSearch, err = r.search.version(ctx); err != nil {
		return m, fmt.Errorf("OpenSearch cannot be used: %w", err)
	}
	memory, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return m, err
	}
	kilobytes, err := parseKilobytes(string(memory), "MemTotal")
	if err != nil {
		return m, err
	}
	m.MemoryGiB = float64(kilobytes) / (1 << 20)
	load, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return m, err
	}
	m.Load, _, _ = strings.Cut(string(load), " ")
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return m, err
	}
	m.Kernel = strings.TrimSpace(string(kernel))
	if m.DataOn, err = filesystem(r.dir); err != nil {
		return m, err
	}
	m.Mosquitto = mosquittoVersion(ctx, r.opts.mosquitto)
	return m, nil
}

// cpuModel is empty where the kernel does not tell.
func cpuModel() string {
	text, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// filesystem is the kind of file system that a directory is on.
func filesystem(dir string) (string, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return "", fmt.Errorf("statfs %s: %w", dir, err)
	}
	known := map[int64]string{ // statfs(2)
		0xef53: "ext4", 0x58465342: "xfs", 0x9123683e: "btrfs", 0x794c7630: "overlayfs", 0x01021994: memoryFilesystem,
		0x2fc12fc1: "zfs", 0x6969: "nfs", 0xf2f52010: "f2fs",
	}
	if name, ok := known[int64(s.Type)]; ok { //nolint:unconvert // its type differs between architectures
		return name, nil
	}
	return fmt.Sprintf("file system %#x", s.Type), nil
}

// mosquittoVersion is in the first line of the program's help, whose exit status says
// nothing.
func mosquittoVersion(ctx context.Context, program string) string {
	out, _ := exec.CommandContext(ctx, program, "-h").Output()
	first, _, _ := bytes.Cut(out, []byte("\n"))
	return strings.TrimSpace(string(first))
}

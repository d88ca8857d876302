package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// clockTicks is the unit of the times in /proc/<pid>/stat, per second: a constant of
// Linux on all architectures that Go runs on.
const clockTicks = 100

// cpuSeconds is what a process has used so far, user and system together, to 10 ms.
func cpuSeconds(pid int) (float64, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	return parseStat(stat)
}

func parseStat(stat []byte) (float64, error) {
	// the name, in parentheses, may hold anything
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	const utime, stime = 11, 12 // fields 14 and 15 of proc(5)
	if len(fields) <= stime {
		return 0, fmt.Errorf("stat has only %d fields behind the name", len(fields))
	}
	var ticks uint64
	for _, f := range fields[utime : stime+1] {
		n, err := strconv.ParseUint(f, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("stat: %w", err)
		}
		ticks += n
	}
	return float64(ticks) / clockTicks, nil
}

// The lines of /proc/<pid>/status about resident memory.
const (
	memoryNow  = "VmRSS"
	memoryPeak = "VmHWM"
)

// memoryMiB is the resident memory of a process, now or at its peak.
func memoryMiB(pid int, which string) (float64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	kilobytes, err := parseKilobytes(string(status), which)
	return float64(kilobytes) / 1024, err
}

// parseKilobytes finds the number in a line such as "VmRSS:  1234 kB".
func parseKilobytes(text, name string) (uint64, error) {
	for line := range strings.Lines(text) {
		key, value, _ := strings.Cut(line, ":")
		if key != name {
			continue
		}
		return strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
	}
	return 0, fmt.Errorf("there is no line %s", name)
}

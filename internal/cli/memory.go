package cli

import (
	"os"
	"runtime/debug"
)

const (
	// gcPercent lets the heap grow further between two collections than Go does by
	// default: ours is small, and most of what is in it is short-lived.
	gcPercent = 200
	// memoryLimit is from where on collecting is preferred to growing, in bytes.
	memoryLimit = 128 << 20
)

// tuneMemory is for the daemon, unless the environment says how it is wanted.
func tuneMemory() {
	if os.Getenv("GOGC") == "" && os.Getenv("GOMEMLIMIT") == "" {
		debug.SetGCPercent(gcPercent)
		debug.SetMemoryLimit(memoryLimit)
	}
}

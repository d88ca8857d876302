// Package version tells which build of Pulltrail this is.
package version

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// number is the version of a release; the linker may set it.
var number = "dev"

// revision is the commit, for the linker to set where the build sees no repository.
var revision string

// Short is the version alone, such as "1.4.0" or "dev".
func Short() string { return number }

// Long is one line for a person and a bug report: version, commit, Go, platform.
func Long() string {
	commit := "unknown commit"
	if revision != "" {
		commit = "commit " + revision
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = "commit " + s.Value
			}
		}
	}
	return fmt.Sprintf("pulltrail %s (%s, %s, %s/%s)", number, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

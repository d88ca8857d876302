// Pulltrail keeps the trail of Docker Hub's pull counters. See README.md.
package main

import (
	"context"
	_ "embed" // for the documented configuration and the licences
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // time zones where the system has none, such as an empty image

	"pulltrail/internal/cli"
)

// documented is the configuration with its comments, for those who migrate to it.
//
//go:embed config.yaml
var documented []byte

// notices are the licences of everything that is linked, which have to go with it.
//
//go:embed THIRD_PARTY_NOTICES
var notices []byte

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, cli.Process{
		Args: os.Args[1:], Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Documented: documented, Notices: notices,
	})
	stop()
	os.Exit(code)
}

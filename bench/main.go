// Bench measures Pulltrail on the machine it runs on, and what bounds it beside it,
// in one run: pre-encoded bulk requests straight into the same OpenSearch, a bare
// subscriber at the same broker, and the real program between the two.
//
// It needs the servers of the testbed, whose README says how to start them:
//
//	testbed/testbed.sh up mosquitto opensearch
//	eval "$(testbed/testbed.sh env)"
//	go run ./bench
//
// What it promises: the broker is its own process with no limit on its queues, the
// indices are its own and deleted, every throughput run ends with a count of what is
// stored, and one document too few or too many fails the run. Rounds are interleaved
// and each ratio is of one round, so that a machine that slows down does so for all.
// No process that it has started outlives it.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(1)
	}
}

// run is the program without its process.
func run(ctx context.Context, args []string, env func(string) string, stdout, progress io.Writer) error {
	opts, err := parseOptions(args, env, progress)
	if err != nil {
		return err
	}
	r, err := newRig(ctx, opts, progress)
	if err != nil {
		return err
	}
	defer r.close()
	samples, err := r.rounds(ctx)
	if err != nil {
		return err
	}
	result := newReport(r, samples)
	if opts.write {
		if err := result.writeFile(r.resultsFile()); err != nil {
			return err
		}
	}
	if opts.json {
		return result.writeJSON(stdout)
	}
	return result.writeText(stdout)
}

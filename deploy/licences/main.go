// Licences tells under which licences the parts of Pulltrail's binary stand: those of the
// modules that are linked on any platform of a release, Go's own, and what is embedded.
//
//	go run ./deploy/licences notices >THIRD_PARTY_NOTICES
//	cyclonedx-gomod bin -json … pulltrail | go run ./deploy/licences sbom >pulltrail.cdx.json
//
// It reads the texts from the modules' sources and compares them with those that it knows;
// what nobody has read, and what is not in the list of allowed licences, is an error and
// never left out. What it writes depends on the sources and on nothing else.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintf(os.Stderr, "licences: %v\n", err)
		os.Exit(1)
	}
}

// run is the program without its process, somewhere in the project.
func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 || args[0] != "notices" && args[0] != "sbom" {
		return errors.New("usage: licences notices | sbom <SBOM")
	}
	all, err := parts(ctx)
	if err != nil {
		return err
	}
	if args[0] == "sbom" {
		return complete(in, out, all)
	}
	_, err = io.WriteString(out, notices(all))
	return err
}

package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// The variables of the testbed that name the servers.
const (
	variableMosquitto  = "PULLTRAIL_TEST_MOSQUITTO_BIN"
	variableOpenSearch = "PULLTRAIL_TEST_OPENSEARCH"
)

// minSize is what the fields of a snapshot take without any padding, in bytes.
const minSize = 400

type options struct {
	rounds, documents, size int
	only                    []string // names of stages; empty: all but those that are for the asking
	scale, backlogs         counts   // of the stage scale
	repositories            int      // of the stage pages
	json, write             bool
	binary                  string // the Pulltrail to measure; empty: it is built
	mosquitto               string // the program
	opensearch              string // the URL
}

func parseOptions(args []string, env func(string) string, output io.Writer) (options, error) {
	var o options
	var only string
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(output)
	flags.IntVar(&o.rounds, "rounds", 3, "how often everything is measured; the median counts")
	flags.IntVar(&o.documents, "documents", 50_000, "documents of a throughput run")
	flags.IntVar(&o.size, "size", 1100, "bytes of a document")
	flags.StringVar(&only, "only", "", "measure only these, separated by commas: "+strings.Join(stageNames(), ", "))
	flags.StringVar(&o.binary, "binary", "", "measure this program, such as one of an earlier version, instead of building one")
	o.scale, o.backlogs = counts{10_000, 100_000, 2_000_000}, counts{10_000, 1_000_000}
	flags.Var(&o.scale, "scale", "numbers of `messages` that the stage scale streams, separated by commas")
	flags.Var(&o.backlogs, "backlogs", "numbers of `messages` that the stage scale finds in the journal at a start, separated by commas")
	flags.IntVar(&o.repositories, "repositories", 1000, "repositories of the stage pages, each with three years of snapshots")
	flags.BoolVar(&o.json, "json", false, "print JSON with every value instead of the table")
	flags.BoolVar(&o.write, "write", false, "put the results into bench/RESULTS.md as well")
	if err := flags.Parse(args); err != nil {
		return options{}, err
	}
	if flags.NArg() > 0 {
		return options{}, fmt.Errorf("unexpected argument %q", flags.Arg(0))
	}
	o.only = strings.FieldsFunc(only, func(r rune) bool { return r == ',' || r == ' ' })
	o.mosquitto, o.opensearch = env(variableMosquitto), strings.TrimRight(env(variableOpenSearch), "/")
	return o, o.validate()
}

func (o options) validate() error {
	var errs []error
	if o.rounds < 1 {
		errs = append(errs, fmt.Errorf("--rounds %d: must be at least 1", o.rounds))
	}
	if o.documents < 1 {
		errs = append(errs, fmt.Errorf("--documents %d: must be at least 1", o.documents))
	}
	if o.size < minSize {
		errs = append(errs, fmt.Errorf("--size %d: must be at least %d", o.size, minSize))
	}
	if o.repositories < 100 {
		errs = append(errs, fmt.Errorf("--repositories %d: must be at least 100", o.repositories))
	}
	for _, name := range o.only {
		if !slices.Contains(stageNames(), name) {
			errs = append(errs, fmt.Errorf("--only %s: must be some of %s", name, strings.Join(stageNames(), ", ")))
		}
	}
	const remedy = "is not set: start the servers with testbed/testbed.sh up mosquitto opensearch, then eval \"$(testbed/testbed.sh env)\""
	if o.mosquitto == "" {
		errs = append(errs, errors.New(variableMosquitto+" "+remedy))
	}
	if o.opensearch == "" {
		errs = append(errs, errors.New(variableOpenSearch+" "+remedy))
	} else if u, err := url.Parse(o.opensearch); err != nil || u.Scheme != "http" || u.Host == "" {
		errs = append(errs, fmt.Errorf("%s: must be an http:// URL", variableOpenSearch))
	}
	return errors.Join(errs...)
}

// wants reports whether a stage is to be measured.
func (o options) wants(s stage) bool {
	if len(o.only) == 0 {
		return !s.onDemand
	}
	return slices.Contains(o.only, s.name)
}

// counts are numbers of messages, a flag.
type counts []int

// String is what Set reads.
func (c *counts) String() string {
	var words []string
	for _, n := range *c {
		words = append(words, strconv.Itoa(n))
	}
	return strings.Join(words, ",")
}

// Set replaces the numbers, which must be positive and different.
func (c *counts) Set(text string) error {
	var all counts
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(word))
		if err != nil || n < 1 || slices.Contains(all, n) {
			return fmt.Errorf("%q must be a positive number that is there once", word)
		}
		all = append(all, n)
	}
	*c = all
	return nil
}

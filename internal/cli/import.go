package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"pulltrail/internal/config"
	"pulltrail/internal/control"
	"pulltrail/internal/hub"
	"pulltrail/internal/transfer"
)

// shownProblems is how many are shown without --verbose.
const shownProblems = 10

type importCommand struct {
	File       string `arg:"" optional:"" name:"file" help:"CSV or JSON lines file; - is standard input."`
	Repository string `placeholder:"NAMESPACE/NAME" help:"Repository of the rows in a file that has no repository column."`
	Private    bool   `help:"Mark the repositories in a file as private: only authenticated users see them."`

	FromOpenSearch    string `name:"from-opensearch" placeholder:"URL" help:"Import from the indices of this OpenSearch."`
	FromElasticsearch string `name:"from-elasticsearch" placeholder:"URL" help:"Import from the indices of this Elasticsearch."`
	clusterFlags

	DryRun      bool `help:"Read and check everything, but store nothing."`
	SkipInvalid bool `help:"Exit with 0 even if rows were rejected."`
	Restart     bool `help:"Start from the beginning instead of resuming an interrupted import."`
	Verbose     bool `short:"v" help:"List every rejected or skipped row instead of the first ten."`
	Quiet       bool `short:"q" help:"Do not show progress."`
	JSON        bool `help:"Print JSON, with every rejected or skipped row."`
}

// Help is shown below the usage.
func (importCommand) Help() string {
	return `Snapshots that are already stored are not changed, so an import can be repeated. If it is interrupted, the same command
resumes it. Imported snapshots are also written to the configured clusters, but not published to MQTT.

Examples:

	pulltrail import pulls.csv --repository me/app
	pulltrail export --format jsonl | ssh other pulltrail import -
	pulltrail import --from-opensearch https://search:9200 --username reader \
	    --password-file secret --ca-file ca.pem
	pulltrail import --from-elasticsearch https://search:9200 --api-key-file key

A CSV file has a header line. The separator is a comma, a semicolon or a tab. Columns, in any order:

	date, timestamp, time or committed_at    2026-01-31T01:00:00Z, or with an offset;
	                                         a date alone is 00:00 UTC of that day
	count, pull_count or pulls               the total, digits only
	repository, or namespace and name        if missing: --repository
	slot, star_count, storage_size, last_updated, is_private

A line of a JSON lines file is an exported snapshot, or an object with the columns above, such as
{"date":"2026-01-31","count":7}.

From an index, every document that is a snapshot is imported, also those of dockerhubstats2mqtt and mqtt2elasticsearch;
other documents are skipped. The user needs the read permission.`
}

// Run imports.
func (c importCommand) Run(ctx context.Context, p *Process, top *command) error {
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	source, closeSource, err := c.open(p, cfg)
	if err != nil {
		return err
	}
	meter := newMeter(p.Stderr, c.Quiet)
	opts := transfer.Options{Restart: c.Restart, DryRun: c.DryRun, Progress: meter.show}
	if c.Verbose {
		opts.Complain = func(problem transfer.Complaint) {
			meter.clear()
			complainOf(p.Stderr, problem)
		}
	}
	var summary transfer.Summary
	if c.DryRun {
		summary, err = transfer.Import(ctx, source, nil, opts)
	} else {
		err = reachHistory(ctx, cfg, func(ctx context.Context, via control.History) (err error) {
			summary, err = transfer.Import(ctx, source, via, opts)
			return err
		})
	}
	meter.clear()
	err = errors.Join(err, closeSource())
	summary.Notes = append(summary.Notes, c.sameCluster(cfg)...)
	if err != nil && summary.Resumable {
		summary.Notes = append(summary.Notes, "what was stored stays: the same command goes on where this one has ended")
	}
	if err == nil || summary.Read > 0 {
		err = errors.Join(err, c.print(p, summary))
	}
	if err == nil && summary.Refused > 0 && !c.SkipInvalid {
		return errReported
	}
	return err
}

// open makes the source of what the command line says.
func (c importCommand) open(p *Process, cfg config.Config) (transfer.Source, func() error, error) {
	ways := 0
	for _, way := range []string{c.File, c.FromOpenSearch, c.FromElasticsearch} {
		if way != "" {
			ways++
		}
	}
	if ways != 1 {
		return nil, nil, usagef("say what to import in one way: a file, --from-opensearch or --from-elasticsearch")
	}
	if c.File == "" {
		if c.Repository != "" || c.Private {
			return nil, nil, usagef("--repository and --private are for files: documents of an index say it themselves")
		}
		return c.openCluster(c.FromOpenSearch+c.FromElasticsearch, c.FromElasticsearch != "", logger(p, cfg))
	}
	if c.clusterFlags != (clusterFlags{Index: defaultIndex}) {
		return nil, nil, usagef("--index, --username and the like are for a cluster, not for a file")
	}
	file, err := c.openFile(p)
	if err != nil {
		return nil, nil, err
	}
	return file, file.Close, nil
}

func (c importCommand) openFile(p *Process) (*transfer.File, error) {
	opts := transfer.FileOptions{Private: c.Private, Now: time.Now()}
	if c.Repository != "" {
		r, err := hub.ParseRepository(c.Repository)
		if err != nil {
			return nil, usagef("--repository: %w", err)
		}
		opts.Repository = &r
	}
	if c.File != "-" {
		return transfer.OpenFile(c.File, opts)
	}
	if p.Stdin == nil {
		return nil, errors.New("there is no standard input")
	}
	file, err := transfer.NewFile(p.Stdin, opts)
	if err != nil {
		return nil, fmt.Errorf("standard input: %w", err)
	}
	return file, nil
}

func (c importCommand) print(p *Process, s transfer.Summary) error {
	if c.JSON {
		return printJSON(p.Stdout, s)
	}
	if !c.Verbose {
		for _, problem := range s.Problems[:min(len(s.Problems), shownProblems)] {
			complainOf(p.Stderr, problem)
		}
		if more := s.Refused + s.Skipped - shownProblems; more > 0 {
			fmt.Fprintf(p.Stderr, "pulltrail: and %d more, which --verbose shows\n", more)
		}
	}
	if s.ResumedAt != "" {
		fmt.Fprintln(p.Stderr, "pulltrail: an import that was broken off was taken up again")
	}
	for _, note := range s.Notes {
		fmt.Fprintf(p.Stderr, "pulltrail: %s\n", harmless(note))
	}
	_, err := io.WriteString(p.Stdout, c.sentence(s))
	return err
}

// sentence is such as "120 rows read: 100 new, 19 there already, 1 refused".
func (c importCommand) sentence(s transfer.Summary) string {
	var parts []string
	add := func(n int, always bool, what string) {
		if n64 := int64(n); n > 0 || always {
			parts = append(parts, grouped(&n64)+" "+what)
		}
	}
	if s.DryRun {
		add(s.Valid, true, noun(int64(s.Valid), "snapshot", "snapshots")+" found, nothing stored")
	} else {
		add(s.New, true, "new")
		add(s.There, true, "there already")
	}
	add(s.Passed, false, "stored before")
	add(s.Doubles, false, noun(int64(s.Doubles), "double", "doubles"))
	add(s.Skipped, false, "skipped")
	add(s.Refused, c.File != "", "refused")
	read := numbered(int64(s.Read), "document", "documents")
	if c.File != "" {
		read = numbered(int64(s.Read), "row", "rows")
	}
	return fmt.Sprintf("%s read: %s\n", read, strings.Join(parts, ", "))
}

func complainOf(w io.Writer, c transfer.Complaint) {
	word := "refused"
	if c.Skipped {
		word = "skipped"
	}
	fmt.Fprintf(w, "pulltrail: %s %s: %s\n", oneLine(c.Where), word, oneLine(c.Reason))
}

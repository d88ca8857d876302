package cli

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"

	"pulltrail/internal/control"
)

type showLetterCommand struct {
	ID   control.LetterID `arg:"" help:"ID as shown by the list, such as opensearch/journal/42."`
	Raw  bool             `xor:"form" help:"Print only the bytes of the payload."`
	JSON bool             `xor:"form" help:"Print JSON. A payload that is not UTF-8 text is in payload_base64."`
}

// Help is shown below the usage.
func (showLetterCommand) Help() string {
	return `Examples:

	pulltrail deadletters show opensearch/journal/42
	pulltrail deadletters show --raw opensearch/journal/42 > payload`
}

// shownLetter is a letter as --json prints it.
type shownLetter struct {
	control.Letter
	Text   *string `json:"payload,omitempty"`
	Base64 []byte  `json:"payload_base64,omitempty"`
}

// Run shows one letter.
func (c showLetterCommand) Run(ctx context.Context, p *Process, top *command) error {
	cfg, err := top.load(p)
	if err != nil {
		return err
	}
	var l control.Letter
	err = reach(ctx, p, cfg, func(ctx context.Context, via control.Daemon) (err error) {
		l, err = via.DeadLetter(ctx, c.ID)
		return err
	})
	switch {
	case errors.Is(err, control.ErrNoLetter):
		return fmt.Errorf("%s: %w", c.ID, err)
	case err != nil:
		return err
	case c.Raw:
		_, err = p.Stdout.Write(l.Payload)
		return err
	case c.JSON:
		shown := shownLetter{Letter: l}
		if text := string(l.Payload); utf8.ValidString(text) {
			shown.Text = &text
		} else {
			shown.Base64 = l.Payload
		}
		return printJSON(p.Stdout, shown)
	}
	return printLetter(p.Stdout, l)
}

func printLetter(w io.Writer, l control.Letter) error {
	retry := "by hand, with pulltrail deadletters retry " + l.ID.String()
	if l.RetriedByItself {
		retry = "by itself, until the permission is there"
	}
	retained := "no"
	if l.Retained {
		retained = "yes, the broker had it in store"
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"Id", l.ID.String()},
		{"Topic", l.Topic},
		{"Received", l.Received.Format(time.RFC3339)},
		{"Retained", retained},
		{"Refused", l.Refused.Format(time.RFC3339)},
		{"Reason", l.Reason},
		{"Retried", retry},
		{"Payload", numbered(l.Size, "byte", "bytes")},
	} {
		fmt.Fprintf(table, "%s\t%s\n", row[0], harmless(row[1]))
	}
	if err := table.Flush(); err != nil || l.Size == 0 {
		return err
	}
	text := string(l.Payload)
	if !printable(text) {
		text = hex.Dump(l.Payload)
	}
	_, err := fmt.Fprintf(w, "\n%s\n", strings.TrimSuffix(text, "\n"))
	return err
}

// printable says whether a terminal shows text as it is: nothing in it moves the
// cursor or hides what stands before it.
func printable(text string) bool {
	if !utf8.ValidString(text) {
		return false
	}
	for _, r := range strings.ReplaceAll(text, "\r\n", "\n") {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return false
		}
	}
	return true
}

// harmless is text in one line, in which what a terminal might obey is spelled out:
// topics and reasons are other people's.
func harmless(text string) string {
	if text = strings.Join(strings.Fields(text), " "); printable(text) {
		return text
	}
	quoted := strconv.Quote(text)
	return quoted[1 : len(quoted)-1]
}

// oneLine is harmless text that is short enough for a table.
func oneLine(text string) string {
	const most = 120
	text = harmless(text)
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most-1]) + "…"
	}
	return text
}

// interactive says whether there is somebody to ask.
func (p *Process) interactive() bool { return p.Stdin != nil && term.IsTerminal(int(p.Stdin.Fd())) }

// confirm asks; the error is nil where the answer is yes, and otherwise what no means.
func (p *Process) confirm(ctx context.Context, question, no string) error {
	fmt.Fprintf(p.Stderr, "%s [y/N] ", question)
	answer, err := readLine(ctx, bufio.NewReader(p.Stdin))
	if ctx.Err() != nil {
		fmt.Fprintln(p.Stderr)
		return err
	}
	switch strings.ToLower(strings.TrimSpace(answer)) { // the end of the input means no
	case "y", "yes":
		return nil
	}
	return errors.New(no)
}

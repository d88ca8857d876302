package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"

	"golang.org/x/term"

	"pulltrail/internal/passhash"
)

// maxPassword bounds what is read as a password, in bytes. Browsers send more than that
// to nobody.
const maxPassword = 1024

type hashPasswordCommand struct{}

// Help is shown below the usage.
func (hashPasswordCommand) Help() string {
	return `Asks for the password twice on a terminal; otherwise reads it from the first line of standard input. The password
cannot be computed from the hash.

For the page, write the hash to a file and name it in the configuration:

	web:
	  username: me
	  password_hash_file: web-password

For a user of the embedded broker, write the user, a colon and the hash as a line of the file
mqtt.embedded.users_file.

A hash contains dollar signs: quote it with single quotes in a shell, and double each $ in a compose file.

Examples:

	pulltrail hash-password > web-password
	printf %s "$PASSWORD" | pulltrail hash-password`
}

// Run prints the hash of a password.
func (hashPasswordCommand) Run(ctx context.Context, p *Process) error {
	password, err := p.newPassword(ctx)
	if err != nil {
		return err
	}
	switch {
	case password == "":
		return errors.New("the password is empty: choose one")
	case len(password) > maxPassword:
		return fmt.Errorf("the password has more than %d bytes: choose a shorter one", maxPassword)
	case strings.ContainsFunc(password, unicode.IsControl):
		return errors.New("the password has a control character, which a browser cannot send: choose one without")
	}
	_, err = fmt.Fprintln(p.Stdout, passhash.Make(password))
	return err
}

// newPassword asks for a password twice, or takes a line where nobody can be asked.
func (p *Process) newPassword(ctx context.Context) (string, error) {
	if p.Stdin == nil {
		return "", errors.New("there is no standard input to read a password from")
	}
	if !p.interactive() {
		line, err := bufio.NewReader(io.LimitReader(p.Stdin, maxPassword+2)).ReadString('\n')
		if err != nil && !errors.Is(err, io.EOF) {
			return "", fmt.Errorf("read the password: %w", err)
		}
		return strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r"), nil
	}
	first, err := p.hidden(ctx, "Password: ")
	if err != nil {
		return "", err
	}
	second, err := p.hidden(ctx, "The same again: ")
	if err == nil && second != first {
		err = errors.New("the two are not the same: try again")
	}
	return first, err
}

// hidden reads a line from the terminal that is not shown there.
func (p *Process) hidden(ctx context.Context, question string) (string, error) {
	terminal := int(p.Stdin.Fd())
	before, err := term.GetState(terminal)
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	fmt.Fprint(p.Stderr, question)
	defer fmt.Fprintln(p.Stderr)
	type answer struct {
		text []byte
		err  error
	}
	answers := make(chan answer, 1)
	// A terminal cannot be left waiting in any other way: the process ends soon after.
	go func() {
		text, err := term.ReadPassword(terminal)
		answers <- answer{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(terminal, before))
	case a := <-answers:
		return string(a.text), a.err
	}
}

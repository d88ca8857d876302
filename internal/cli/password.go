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
	return `The password is asked for twice, or is the first line of standard input where
that is no terminal. The hash can be stored and copied: nobody can read the
password from it.

Write the hash into a file of its own,

	pulltrail hash-password > web-password

and name that file, and a user, in the configuration:

	web:
	  username: me
	  password_hash_file: web-password

The hash may also stand in web.password_hash or PULLTRAIL_WEB_PASSWORD_HASH. It
has dollar signs: in a shell put it in single quotes, in a compose file double
each of them.

For a user of the broker inside write the user, a colon and the hash into a line
of the file that mqtt.embedded.users_file names.`
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

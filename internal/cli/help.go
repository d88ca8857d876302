package cli

import (
	"github.com/alecthomas/kong"
)

type helpCommand struct {
	Command []string `arg:"" optional:"" name:"command" help:"The command, such as collect or deadletters retry."`
}

// Help is shown below the usage.
func (helpCommand) Help() string {
	return `Shows the same text as --help.

Examples:

	pulltrail help collect
	pulltrail help deadletters retry`
}

// Run prints the help of a command, or of the program.
func (c helpCommand) Run(parser *kong.Kong) error {
	at := locate(parser.Model, c.Command)
	switch {
	case at.stray != "":
		return unknownCommand(at.node, at.stray)
	case len(at.args) > 0:
		return usagef("%s has no command %q", at.node.FullPath(), at.args[0])
	}
	parsed, err := kong.Trace(parser, append(c.Command, "--help"))
	if err != nil {
		return err
	}
	return parsed.PrintUsage(false)
}

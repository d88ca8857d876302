package cli

import (
	"bytes"
	_ "embed" // for the scripts
	"fmt"
	"io"
	"strings"

	"github.com/alecthomas/kong"
)

// completeCommand is how a completion script calls the program: the words of the command line
// follow, the last of which is to be completed. It is not part of the grammar, because its
// arguments may be anything.
const completeCommand = "__complete"

// Instead of words, one of these lines makes the shell complete names of files or directories.
const (
	completeFiles       = ":files"
	completeDirectories = ":directories"
)

// The scripts leave all the work to completeCommand, so a new command or flag needs no new script.
var (
	//go:embed completion/pulltrail.bash
	bashScript string
	//go:embed completion/pulltrail.zsh
	zshScript string
	//go:embed completion/pulltrail.fish
	fishScript string
)

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

// Help is shown below the usage.
func (completionCommand) Help() string {
	return `The deb and rpm packages install the scripts. Otherwise load the script when the shell starts.

Examples:

	echo 'source <(pulltrail completion bash)' >> ~/.bashrc
	echo 'source <(pulltrail completion zsh)' >> ~/.zshrc
	pulltrail completion fish > ~/.config/fish/completions/pulltrail.fish

For zsh, the line in .zshrc must come after compinit.`
}

// Run prints a script.
func (c completionCommand) Run(p *Process) error {
	_, err := io.WriteString(p.Stdout, map[string]string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}[c.Shell])
	return err
}

// complete prints what the last of the words may become: one word in each line, and its meaning
// after a tab. It prints only words that begin with the last one.
func complete(w io.Writer, app *kong.Application, words []string) error {
	if len(words) == 0 {
		words = []string{""}
	}
	last := words[len(words)-1]
	at := locate(app, words[:len(words)-1])
	var out bytes.Buffer
	add := func(word, meaning string) {
		if strings.HasPrefix(word, last) {
			fmt.Fprintf(&out, "%s\t%s\n", word, meaning)
		}
	}
	name, _, given := strings.Cut(last, "=")
	switch flag := at.lookup(name); {
	case at.flag != nil:
		completeValue(&out, add, "", at.flag.Value, at.flag.PlaceHolder)
	case !at.onlyArgs && given && flag != nil && strings.HasPrefix(name, "--"):
		completeValue(&out, add, name+"=", flag.Value, flag.PlaceHolder)
	case !at.onlyArgs && strings.HasPrefix(last, "-"):
		for _, flag := range at.flags() {
			add("--"+flag.Name, firstSentence(flag.Help))
		}
	case at.node == childOf(app.Node, "help"):
		completeCommands(add, locate(app, at.args).node)
	case len(at.node.Children) > 0 && at.stray == "":
		completeCommands(add, at.node)
	case len(at.node.Positional) > 0:
		arg := at.node.Positional[min(len(at.args), len(at.node.Positional)-1)]
		if len(at.args) < len(at.node.Positional) || arg.IsCumulative() {
			completeValue(&out, add, "", arg, strings.ToUpper(arg.Name))
		}
	}
	_, err := out.WriteTo(w)
	return err
}

func completeCommands(add func(word, meaning string), node *kong.Node) {
	for _, child := range node.Children {
		if !child.Hidden {
			add(child.Name, firstSentence(child.Help))
		}
	}
}

// completeValue completes a value by its enumeration, or by what its placeholder says it is.
func completeValue(w io.Writer, add func(word, meaning string), prefix string, value *kong.Value, placeholder string) {
	switch {
	case value.Enum != "":
		for _, v := range value.EnumSlice() {
			if v != "" {
				add(prefix+v, "")
			}
		}
	case placeholder == "FILE":
		fmt.Fprintln(w, completeFiles)
	case placeholder == "DIR":
		fmt.Fprintln(w, completeDirectories)
	}
}

func firstSentence(text string) string {
	first, _, _ := strings.Cut(text, ". ")
	return strings.TrimSuffix(first, ".")
}

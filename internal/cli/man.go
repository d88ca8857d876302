package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// manCommand is for those who build packages.
type manCommand struct {
	Dir string `arg:"" name:"dir" help:"The directory. It is created if it does not exist."`
}

// Help is shown below the usage.
func (manCommand) Help() string {
	return `Writes pulltrail.1 and a page for each command, such as pulltrail-collect.1.

Examples:

	pulltrail man /usr/local/share/man/man1
	pulltrail man . && man ./pulltrail.1`
}

// Run writes the man pages.
func (c manCommand) Run(parser *kong.Kong) error {
	if err := os.MkdirAll(c.Dir, 0o755); err != nil { //nolint:gosec // everybody may read man pages
		return err
	}
	for name, text := range manPages(parser.Model) {
		if err := os.WriteFile(filepath.Join(c.Dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // see above
			return err
		}
	}
	return nil
}

// manPages returns the content of each file: one for the program, one for each command that is
// not hidden. The pages have no date, so that packages can be built again bit by bit.
func manPages(app *kong.Application) map[string]string {
	pages := map[string]string{"pulltrail.1": programPage(app)}
	for _, child := range app.Children {
		if !child.Hidden {
			pages[pageName(child)+".1"] = commandPage(app, child)
		}
	}
	return pages
}

func pageName(node *kong.Node) string { return strings.ReplaceAll(node.FullPath(), " ", "-") }

func programPage(app *kong.Application) string {
	var m manPage
	m.header("pulltrail", "record the pull counts of Docker Hub repositories")
	m.line(".SH SYNOPSIS")
	m.text(".B pulltrail", "[COMMAND] [flags]")
	m.line(".SH DESCRIPTION")
	m.prose(app.Help)
	m.line(".SH OPTIONS")
	m.flags(app.Flags)
	m.line(".SH COMMANDS")
	var group string
	for _, child := range app.Children {
		if child.Hidden {
			continue
		}
		if g := child.ClosestGroup(); g != nil && g.Title != group {
			group = g.Title
			m.text(".SS", strings.TrimSuffix(group, ":"))
		}
		m.line(".TP")
		m.text(".BR", pageName(child)+" (1)")
		m.text("", child.Help)
	}
	m.line(".SH FILES")
	for _, file := range [][2]string{
		{"config.yaml", "Configuration in the working directory, read if no --config is given."},
		{"/etc/pulltrail/config.yaml", "Configuration of the service that the deb and rpm packages install."},
		{"/usr/share/doc/pulltrail", "Documentation: OPERATIONS.md, and CONFIGURATION.md with all configuration keys."},
	} {
		m.line(".TP")
		m.text(".I", file[0])
		m.text("", file[1])
	}
	return m.String()
}

// commandPage is the page of a command, with its sub-commands.
func commandPage(app *kong.Application, node *kong.Node) string {
	var m manPage
	m.header(pageName(node), strings.TrimSuffix(node.Help, "."))
	m.line(".SH SYNOPSIS")
	leaves := node.Leaves(true)
	if node.Leaf() {
		leaves = []*kong.Node{node}
	}
	for i, leaf := range leaves {
		if i > 0 {
			m.line(".br")
		}
		m.text(".B", app.Name+" "+leaf.Summary())
	}
	m.line(".SH DESCRIPTION")
	m.command(node)
	for _, child := range node.Children {
		if !child.Hidden {
			m.text(".SH", strings.ToUpper(child.FullPath()))
			m.command(child)
		}
	}
	m.line(".SH SEE ALSO")
	m.text(".BR", "pulltrail (1)")
	m.line("describes the flags that all commands share and the exit codes.")
	return m.String()
}

// manPage is a page in the language of man(7).
type manPage struct{ strings.Builder }

func (m *manPage) line(s string) { _, _ = m.WriteString(s + "\n") }

// text writes a macro and its text, which is escaped.
func (m *manPage) text(macro, text string) {
	if macro == "" {
		text = escapeStart(text)
	} else {
		macro += " "
	}
	m.line(macro + escapeRoff(text))
}

func (m *manPage) header(name, what string) {
	m.text(".TH", strings.ToUpper(name)+` 1 "" Pulltrail "Pulltrail manual"`)
	m.line(".SH NAME")
	m.text("", name+" - "+strings.ToLower(what[:1])+what[1:])
}

// command describes a command, its arguments and its own flags.
func (m *manPage) command(node *kong.Node) {
	m.prose(node.Help)
	if node.Detail != "" {
		m.line(".PP")
		m.prose(node.Detail)
	}
	if len(node.Positional) > 0 {
		m.line(".SS Arguments")
	}
	for _, arg := range node.Positional {
		m.line(".TP")
		m.text(".B", arg.Summary())
		m.text("", arg.Help)
	}
	if len(node.Flags) > 0 {
		m.line(".SS Flags")
		m.flags(node.Flags)
	}
}

func (m *manPage) flags(flags []*kong.Flag) {
	for _, flag := range flags {
		if flag.Hidden {
			continue
		}
		name := "--" + flag.Name
		if flag.Short != 0 {
			name = "-" + string(flag.Short) + ", " + name
		}
		if !flag.IsBool() {
			name += "=" + flag.FormatPlaceHolder()
		}
		m.line(".TP")
		m.text(".B", name)
		m.text("", flag.Help)
	}
}

// prose writes paragraphs. A paragraph of indented lines is shown as it is, as in the help.
func (m *manPage) prose(text string) {
	for i, paragraph := range strings.Split(strings.Trim(text, "\n"), "\n\n") {
		lines := strings.Split(paragraph, "\n")
		indented := !slices.ContainsFunc(lines, func(s string) bool { return strings.TrimLeft(s, " \t") == s })
		switch {
		case indented:
			m.line(".PP\n.RS 4\n.nf")
		case i > 0:
			m.line(".PP")
		}
		for _, line := range lines {
			if indented {
				line = strings.TrimPrefix(line, "\t")
			}
			m.text("", line)
		}
		if indented {
			m.line(".fi\n.RE")
		}
	}
}

// escapeStart protects a line that would be taken for a request.
func escapeStart(s string) string {
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		return "\x00" + s
	}
	return s
}

// escapeRoff keeps text as it is written: - is what the user types, not a hyphen.
func escapeRoff(s string) string {
	return strings.NewReplacer(`\`, `\e`, "-", `\-`, "\x00", `\&`, "…", `\&...`).Replace(s)
}

package cli

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

func testParser(t *testing.T) *kong.Kong {
	t.Helper()
	parser, _ := newParser(new(command), &Process{Stdout: io.Discard, Stderr: io.Discard})
	return parser
}

// visible calls do with each command that the help shows.
func visible(node *kong.Node, do func(*kong.Node)) {
	for _, child := range node.Children {
		if !child.Hidden {
			do(child)
			visible(child, do)
		}
	}
}

// ours are the command lines of pulltrail in an example.
var ours = regexp.MustCompile(`(?:^|[|(&] ?|ssh other |ssh elsewhere )pulltrail ([^|>&)']*(?:'[^']*'[^|>&)']*)*)`)

func TestEachCommandHasTwoExamplesThatTheParserAccepts(t *testing.T) {
	visible(testParser(t).Model.Node, func(node *kong.Node) {
		t.Run(node.Path(), func(t *testing.T) {
			_, examples, _ := strings.Cut(node.Detail, "Examples:\n\n")
			examples, _, _ = strings.Cut(examples, "\n\n")
			examples = strings.ReplaceAll(examples, "\\\n", " ")
			count := 0
			for line := range strings.Lines(examples) {
				found := ours.FindAllStringSubmatch(strings.TrimSpace(line), -1)
				if len(found) == 0 {
					t.Errorf("no command in %q", line)
				}
				count++
				for _, m := range found {
					args := strings.Fields(strings.NewReplacer("@every 6h", "@hourly", "$(date +%F", "date").Replace(m[1]))
					for i := range args {
						args[i] = strings.Trim(args[i], "'")
					}
					if _, err := testParser(t).Parse(args); err != nil {
						t.Errorf("%q: %v", args, err)
					}
				}
			}
			if count < 2 {
				t.Errorf("%d examples", count)
			}
		})
	})
}

func TestHelpTextsAreSentences(t *testing.T) {
	check := func(t *testing.T, what, text string) {
		if text == "" || !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, ".)") {
			t.Errorf("%s: %q is not a sentence", what, text)
		}
	}
	visible(testParser(t).Model.Node, func(node *kong.Node) {
		check(t, node.Path(), node.Help)
		for _, flag := range node.Flags {
			check(t, node.Path()+" --"+flag.Name, flag.Help)
		}
		for _, arg := range node.Positional {
			check(t, node.Path()+" "+arg.Name, arg.Help)
		}
	})
}

func TestMistypedNames(t *testing.T) {
	for line, want := range map[string]string{
		"colect":               `unknown command "colect"; did you mean collect?`,
		"imoprt x":             `unknown command "imoprt"; did you mean import?`,
		"frobnicate":           `unknown command "frobnicate"`,
		"deadletters shw":      `unknown command "deadletters shw"; did you mean show?`,
		"-c file indices lst":  `unknown command "indices lst"; did you mean list?`,
		"collect --jsn":        `unknown flag --jsn; did you mean --json?`,
		"--versio":             `unknown flag --versio; did you mean --version?`,
		"import --from-open x": `unknown flag --from-open; did you mean --from-opensearch?`,
		"top --colour":         `unknown flag --colour`,
		"top -x":               `unknown flag -x`,
		"--json check":         `--json belongs after the command: pulltrail check --json`,
		"top --keep-mappings":  `unknown flag --keep-mappings`,
		"run now":              `unexpected argument "now": pulltrail run takes no arguments`,
		"backup a b":           `unexpected argument "b": pulltrail backup takes 1 argument`,
		"setup":                `pulltrail setup needs a command: opensearch`,
		"restore":              `missing argument <file>`,
		"export -o":            `--output needs a value`,
		"top -n x":             `--limit: "x" is not a whole number`,
		"top --watch 10":       `--watch: "10" is not a duration: write it as 90s, 5m or 1h30m`,
		"top --sort size":      `--sort: "size" must be one of day, week, month, total, stars, name`,
		"completion ksh":       `<shell>: "ksh" must be one of bash, zsh, fish`,
		"check --connect=x":    `--connect: "x" must be true or false, or left out`,
		"export --from then":   `--from: "then" is not a time: write 2026-01-31, or 2026-01-31T01:00:00Z`,
	} {
		t.Run(line, func(t *testing.T) {
			parser, args := testParser(t), strings.Fields(line)
			_, err := parser.Parse(args)
			if err == nil {
				t.Fatal("it is accepted")
			}
			if got := explain(locate(parser.Model, args), err).Error(); got != want {
				t.Errorf("%s\nwant %s", got, want)
			}
		})
	}
}

func TestCompletion(t *testing.T) {
	for line, want := range map[string][]string{
		"he":                     {"healthcheck", "help"},
		"deadletters ":           {"list", "show", "retry", "drop"},
		"help deadletters s":     {"show"},
		"help help ":             nil,
		"frobnicate ":            nil,
		"top --s":                {"--sort"},
		"top --sort=m":           {"--sort=month"},
		"top --sort m":           {"month"},
		"top -n ":                nil,
		"completion ":            {"bash", "zsh", "fish"},
		"--config ":              {":files"},
		"-c file ":               commandNames(testParser(t).Model.Node),
		"check --data-dir=x":     {":directories"},
		"backup ":                {":files"},
		"backup -- ":             {":files"},
		"backup file ":           nil,
		"collect ":               nil,
		"deadletters --sin":      {"--sink"},
		"run -- --":              nil,
		"import --from-elastics": {"--from-elasticsearch"},
	} {
		t.Run(line, func(t *testing.T) {
			var out strings.Builder
			if err := complete(&out, testParser(t).Model, strings.Split(line, " ")); err != nil {
				t.Fatal(err)
			}
			var got []string
			for line := range strings.Lines(out.String()) {
				word, _, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
				got = append(got, word)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// inShell has a shell complete a line by the script of this program, and returns its candidates.
var inShell = map[string]string{
	"bash": `source <(pulltrail completion bash)
COMP_LINE=$1 COMP_POINT=${#1}
compopt() { :; }
_pulltrail pulltrail
printf '%s\n' "${COMPREPLY[@]}"`,
	// compadd and _files are what the real ones are given.
	"zsh": `autoload -U compinit && compinit -u -d $HOME/dump
source <(pulltrail completion zsh)
[[ ${_comps[pulltrail]} == _pulltrail ]] || exit 3
_describe() { for c in ${(P)2}; do print -r -- "${c%%:*}"; done }
_files() { (cd $PWD && print -l -- ${PREFIX#*=}*(N)) }
compset() { :; }
words=("${(@s: :)1}") CURRENT=$#words PREFIX=${words[-1]}
_pulltrail`,
	"fish": `pulltrail completion fish | source
complete -C "$argv[1]" | string replace -r '\t.*' ''
true`,
}

// The shells are the real ones; zsh and fish where they are installed.
func TestCompletionInRealShells(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	bin, work := t.TempDir(), t.TempDir()
	// TestMain makes the program of the test binary under this name.
	if err := os.Symlink(program, filepath.Join(bin, "pulltrail")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"some.yaml", "some more.yaml"} {
		if err := os.WriteFile(filepath.Join(work, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for shell, script := range inShell {
		t.Run(shell, func(t *testing.T) {
			if _, err := exec.LookPath(shell); err != nil {
				t.Skipf("%s is not installed", shell)
			}
			for line, want := range map[string][]string{
				"pulltrail colle":              {"collect"},
				"pulltrail deadletters ":       {"list", "show", "retry", "drop"},
				"pulltrail top --sort ":        {"day", "week", "month", "total", "stars", "name"},
				"pulltrail top --js":           {"--json"},
				"pulltrail --config some":      {"some.yaml", "some more.yaml"},
				"pulltrail check --config=som": {"some.yaml", "some more.yaml"},
				"pulltrail top --sort=mo":      {"month"},
				"pulltrail nothing ":           nil,
			} {
				args := map[string][]string{
					"bash": {"--norc", "-c", script, "bash", line}, "zsh": {"-f", "-c", script, "zsh", line}, "fish": {"--no-config", "-c", script, line},
				}[shell]
				cmd := exec.Command(shell, args...)
				cmd.Dir = work
				cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "HOME="+work, "XDG_DATA_HOME="+work+"/.data")
				out, err := cmd.CombinedOutput()
				if err != nil {
					t.Fatalf("%q: %v: %s", line, err, out)
				}
				var got []string
				for word := range strings.Lines(string(out)) {
					word = strings.TrimSpace(word)
					// Shells differ in whether a flag is repeated before its value, and how a space is quoted.
					if _, value, found := strings.Cut(word, "="); found {
						word = value
					}
					if word = strings.ReplaceAll(word, `\ `, " "); word != "" {
						got = append(got, word)
					}
				}
				slices.Sort(got)
				slices.Sort(want)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%q:\n%s", line, diff)
				}
			}
		})
	}
}

func TestManPages(t *testing.T) {
	pages := manPages(testParser(t).Model)
	if want := len(commandNames(testParser(t).Model.Node)) + 1; len(pages) != want {
		t.Errorf("%d pages, want %d", len(pages), want)
	}
	for name, wants := range map[string][]string{
		"pulltrail.1":             {`.BR pulltrail\-collect (1)`, `.B \-c, \-\-config=FILE`, "Exit codes: 0 success", ".SS Get started"},
		"pulltrail-top.1":         {".SH SYNOPSIS\n.B pulltrail top [<repository> ...] [flags]"},
		"pulltrail-deadletters.1": {".SH PULLTRAIL DEADLETTERS RETRY", `.B pulltrail deadletters show <id> [flags]`, `pulltrail deadletters retry \-\-all`},
		"pulltrail-import.1":      {`    \-\-password\-file secret`, `.B \-\-from\-opensearch=URL`, `reader \e`},
	} {
		for _, want := range wants {
			if !strings.Contains(pages[name], want) {
				t.Errorf("%s has no %s", name, want)
			}
		}
	}
	mandoc, err := exec.LookPath("mandoc")
	if err != nil {
		t.Skip("mandoc is not installed, which finds mistakes in the markup")
	}
	for name, text := range pages {
		cmd := exec.Command(mandoc, "-Tlint", "-Wwarning")
		cmd.Stdin = strings.NewReader(text)
		out, _ := cmd.CombinedOutput() // the status says no more than the output
		for line := range strings.Lines(string(out)) {
			if !strings.Contains(line, "missing date") { // on purpose: a page that is built again is the same
				t.Error(fmt.Sprint(name, ": ", line))
			}
		}
	}
}

package cli_test

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"pulltrail/internal/cli"
	"pulltrail/internal/hubtest"
)

// TestMain makes this test binary the program pulltrail for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pulltrail": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			code := cli.Main(ctx, cli.Process{Args: os.Args[1:], Env: os.Environ(), Stdout: os.Stdout, Stderr: os.Stderr})
			stop()
			os.Exit(code)
		},
	})
}

// TestScripts runs the command line as a person would. Each script has a fake
// Docker Hub of its own at $HUB, with library/nginx and oitc/mqtt2elasticsearch.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"waitfor": waitFor},
		Setup: func(env *testscript.Env) error {
			hub := hubtest.New(t)
			hub.Set("library/nginx", 12916987208)
			hub.Set("oitc/mqtt2elasticsearch", 4242)
			env.Setenv("HUB", hub.URL)
			return nil
		},
	})
}

// waitFor is the command "waitfor FILE": it returns when the file exists.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: waitfor FILE")
	}
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s does not appear", args[0])
		}
	}
}

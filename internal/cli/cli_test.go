package cli_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/paho"
	"github.com/rogpeppe/go-internal/testscript"

	"pulltrail/internal/broker"
	"pulltrail/internal/cli"
	"pulltrail/internal/hubtest"
	"pulltrail/internal/porttest"
)

// TestMain makes this test binary the program pulltrail for the scripts.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"pulltrail": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			code := cli.Main(ctx, cli.Process{
				Args: os.Args[1:], Env: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Documented: ofProject("config.yaml"), Notices: ofProject("THIRD_PARTY_NOTICES"),
			})
			stop()
			os.Exit(code)
		},
	})
}

// ofProject is a file of the project: scripts run elsewhere, so its place is told from that
// of this file.
func ofProject(name string) []byte {
	_, here, _, _ := runtime.Caller(0)
	data, err := os.ReadFile(filepath.Join(filepath.Dir(here), "..", "..", name))
	if err != nil {
		panic(err)
	}
	return data
}

// patience bounds how long a script waits for something that must come.
const patience = time.Minute

// TestScripts runs the command line as a person would. Each script has a fake
// Docker Hub of its own at $HUB, with library/nginx, oitc/mqtt2elasticsearch and
// slow/slow, an MQTT broker at $BROKER, a cluster with indices to read at $SEARCH, one
// without any of ours at $CLUSTER, and a free port, $WEB_PORT.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waitfor": waitFor, "publish": publish, "eventually": eventually, "retained": retained, "fetch": fetch,
		},
		Setup: func(env *testscript.Env) error {
			hub := hubtest.New(t)
			hub.Set("library/nginx", 12916987208)
			hub.Set("oitc/mqtt2elasticsearch", 4242)
			hub.Fail("slow/slow", slow(env.WorkDir))
			env.Setenv("HUB", hub.URL)
			serveCluster(env)
			env.Setenv("SEARCH", serveIndices(t, env.WorkDir, ""))
			env.Setenv("ELASTIC", serveIndices(t, env.WorkDir, "Elasticsearch"))
			env.Setenv("WEB_PORT", porttest.Port(t))
			return serveBroker(env)
		},
	})
}

// slow never answers, and leaves the file "asked" in dir.
func slow(dir string) hubtest.Fault {
	return func(w http.ResponseWriter, r *http.Request, body []byte) {
		if err := os.WriteFile(filepath.Join(dir, "asked"), nil, 0o600); err != nil {
			panic(err)
		}
		hubtest.Hang(w, r, body)
	}
}

// serveBroker runs a broker for the time of a script.
func serveBroker(env *testscript.Env) error {
	b, err := broker.New(broker.Options{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	if err := b.Listen(); err != nil {
		return err
	}
	env.Setenv("BROKER", "mqtt://"+b.Addr().String())
	env.Setenv("BROKER_PORT", b.Addr().String()[strings.LastIndexByte(b.Addr().String(), ':')+1:])
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- b.Serve(ctx) }()
	env.Defer(func() {
		cancel()
		if err := <-ended; err != nil {
			env.T().Log("the broker: ", err)
		}
	})
	return nil
}

// publish is the command "publish [-retain] TOPIC PAYLOAD", at QoS 1 to $BROKER. The payload
// may have escapes as in a Go string; "@FILE" stands for the content of a file.
func publish(ts *testscript.TestScript, _ bool, args []string) {
	retain := len(args) > 0 && args[0] == "-retain"
	if retain {
		args = args[1:]
	}
	if len(args) != 2 {
		ts.Fatalf("usage: publish [-retain] TOPIC PAYLOAD")
	}
	payload := args[1]
	if file, ok := strings.CutPrefix(payload, "@"); ok {
		payload = ts.ReadFile(file)
	} else {
		var err error
		payload, err = strconv.Unquote(`"` + strings.ReplaceAll(payload, `"`, `\"`) + `"`)
		ts.Check(err)
	}
	ts.Check(publishTo(strings.TrimPrefix(ts.Getenv("BROKER"), "mqtt://"), args[0], []byte(payload), retain))
}

func publishTo(address, topic string, payload []byte, retain bool) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	client := paho.NewClient(paho.ClientConfig{PacketTimeout: patience, Conn: conn})
	if _, err := client.Connect(ctx, &paho.Connect{ClientID: "script", CleanStart: true, KeepAlive: 30}); err != nil {
		return errors.Join(fmt.Errorf("connect: %w", err), conn.Close())
	}
	_, err = client.Publish(ctx, &paho.Publish{Topic: topic, QoS: 1, Payload: payload, Retain: retain})
	return errors.Join(err, client.Disconnect(&paho.Disconnect{}))
}

// retained is the command "retained TOPIC REGEXP": the message that $BROKER retains under
// the topic matches. With "!", it retains none that does.
func retained(ts *testscript.TestScript, not bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: retained TOPIC REGEXP")
	}
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	payloads, err := retainedBy(strings.TrimPrefix(ts.Getenv("BROKER"), "mqtt://"), args[0])
	ts.Check(err)
	if slices.ContainsFunc(payloads, want.MatchString) == not {
		ts.Fatalf("the broker retains %q", payloads)
	}
}

// retainedBy are the payloads that a broker retains under a filter. It sends them before
// what is published afterwards, which is how the end is known.
func retainedBy(address, filter string) (payloads []string, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	got := make(chan *paho.Publish, 100)
	client := paho.NewClient(paho.ClientConfig{PacketTimeout: patience, Conn: conn, OnPublishReceived: []func(paho.PublishReceived) (bool, error){
		func(r paho.PublishReceived) (bool, error) { got <- r.Packet; return true, nil },
	}})
	if _, err := client.Connect(ctx, &paho.Connect{ClientID: "retained", CleanStart: true, KeepAlive: 30}); err != nil {
		return nil, errors.Join(fmt.Errorf("connect: %w", err), conn.Close())
	}
	defer func() { err = errors.Join(err, client.Disconnect(&paho.Disconnect{})) }()
	const end = "end/of/retained"
	if _, err := client.Subscribe(ctx, &paho.Subscribe{Subscriptions: []paho.SubscribeOptions{{Topic: filter, QoS: 1}, {Topic: end, QoS: 1}}}); err != nil {
		return nil, err
	}
	if _, err := client.Publish(ctx, &paho.Publish{Topic: end, QoS: 1}); err != nil {
		return nil, err
	}
	for {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case m := <-got:
			if m.Topic == end {
				return payloads, nil
			}
			payloads = append(payloads, m.Topic+" "+string(m.Payload))
		}
	}
}

// eventually is the command "eventually REGEXP PROGRAM ARG...": it runs the program
// until its standard output matches.
func eventually(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 2 {
		ts.Fatalf("usage: eventually REGEXP PROGRAM ARG...")
	}
	want, err := regexp.Compile(args[0])
	ts.Check(err)
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		err := ts.Exec(args[1], args[2:]...)
		if err == nil && want.MatchString(ts.ReadFile("stdout")) {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("no %q in the output (%v)", args[0], err)
		}
	}
}

// fetch is the command "fetch PATH REGEXP": the page's server, at $WEB_PORT, answers with
// what matches; with "!", with what does not.
func fetch(ts *testscript.TestScript, not bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: fetch PATH REGEXP")
	}
	want, err := regexp.Compile(args[1])
	ts.Check(err)
	response, err := http.Get("http://127.0.0.1:" + ts.Getenv("WEB_PORT") + args[0])
	ts.Check(err)
	body, err := io.ReadAll(response.Body)
	ts.Check(errors.Join(err, response.Body.Close()))
	if want.Match(body) == not {
		ts.Fatalf("%s answers %s: %s", args[0], response.Status, body)
	}
}

// waitFor is the command "waitfor FILE": it returns when the file exists.
func waitFor(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: waitfor FILE")
	}
	for deadline := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(ts.MkAbs(args[0])); err == nil {
			return
		}
		if time.Now().After(deadline) {
			ts.Fatalf("%s does not appear", args[0])
		}
	}
}

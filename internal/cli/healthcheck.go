package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"pulltrail/internal/tlsconf"
)

// healthPath is where a daemon says that it serves; see package ops.
const healthPath = "/-/healthy"

// maxHealthAnswer bounds what is read of an answer, in bytes.
const maxHealthAnswer = 4 << 10

type healthcheckCommand struct {
	URL     string        `name:"url" placeholder:"URL" help:"Address of the daemon, such as http://127.0.0.1:8080. Default: the key web.listen."`
	Timeout time.Duration `default:"3s" help:"How long to wait for the response (${default})."`
}

// Help is shown below the usage.
func (healthcheckCommand) Help() string {
	return `For container engines and scripts. The exit code is 0 if the daemon is healthy and 1 in every other case, also if the
configuration is wrong. The page /-/ready shows the state of each component.

Examples:

	pulltrail healthcheck
	pulltrail healthcheck --url http://127.0.0.1:8080 --timeout 1s`
}

// Run asks the daemon, and prints one line.
func (c healthcheckCommand) Run(ctx context.Context, p *Process, top *command) error {
	base, host, err := c.daemon(p, top)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, c.Timeout)
		defer cancel()
		err = askHealth(ctx, base, host)
	}
	if err != nil {
		fmt.Fprintf(p.Stderr, "pulltrail: not healthy: %s\n", strings.Join(strings.Fields(err.Error()), " "))
		return errReported // always 1: containers know no other code
	}
	_, err = fmt.Fprintln(p.Stdout, "healthy")
	return err
}

// daemon is where to ask, and what to call it in the Host header where that is not what
// the address says.
func (c healthcheckCommand) daemon(p *Process, top *command) (base, host string, err error) {
	if c.URL != "" {
		u, err := url.Parse(c.URL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return "", "", errors.New("--url is such as http://127.0.0.1:8080")
		}
		return c.URL, "", nil
	}
	cfg, err := top.load(p)
	if err != nil {
		return "", "", err
	}
	address, err := dialable(cfg.Web.Listen)
	// A server on loopback refuses names that are not known to be this machine's.
	return "http://" + address, "localhost", err
}

// dialable is where this machine reaches the daemon that the configuration is for.
func dialable(listen string) (string, error) {
	_, port, err := net.SplitHostPort(listen)
	if err != nil {
		return "", err
	}
	if port == "0" {
		return "", fmt.Errorf("web.listen is %s, so nobody knows the port: name it in --url", listen)
	}
	return tlsconf.Local(listen), nil
}

func askHealth(ctx context.Context, base, host string) (err error) {
	at, err := url.JoinPath(base, healthPath)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at, nil)
	if err != nil {
		return err
	}
	request.Host = host
	// Not the default transport: this does not go through a proxy.
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	var answer struct{ Healthy bool }
	decode := json.NewDecoder(io.LimitReader(response.Body, maxHealthAnswer)).Decode(&answer)
	switch {
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("%s answers %s", at, response.Status)
	case decode != nil || !answer.Healthy:
		return fmt.Errorf("%s does not answer as Pulltrail does: does another program listen there?", at)
	}
	return nil
}

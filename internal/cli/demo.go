package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"time"

	"pulltrail/app"
	"pulltrail/internal/config"
	"pulltrail/internal/demo"
	"pulltrail/internal/web"
)

// anyPort is loopback on a port that the system chooses, so that a demo and a Pulltrail
// that works run beside each other.
const anyPort = "127.0.0.1:0"

type demoCommand struct {
	Listen string `default:"127.0.0.1:8080" placeholder:"HOST:PORT" help:"Address of the page (${default}). If the port is in use, the demo takes a free one."`
}

// Help is shown below the usage.
func (demoCommand) Help() string {
	return `Runs the daemon against a simulated Docker Hub with two years of history and opens the page on this machine. The demo
connects to no other machine, reads no configuration and deletes its data at the end. With --data-dir it keeps them.

Examples:

	pulltrail demo
	pulltrail demo --listen 127.0.0.1:9000`
}

// Run shows the whole daemon on a simulated Docker Hub. It reads neither configuration
// nor environment, so that nothing of the user's is touched or sent anywhere.
func (c demoCommand) Run(ctx context.Context, p *Process, top *command) (err error) {
	if top.Config != "" {
		return usagef("the demo reads no configuration: remove --config")
	}
	dir, farewell := top.DataDir, "keeps it all in "+top.DataDir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "pulltrail-demo-"); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
		farewell = "leaves nothing behind"
	}
	cfg := c.config(dir, top.LogLevel)
	if err := inFlags(cfg.Validate(), map[string]string{"web.listen": "--listen", "data_dir": "--data-dir", "log.level": "--log-level"}); err != nil {
		return err
	}
	err = play(ctx, p, cfg, farewell)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil // it was told to stop while it was starting
	}
	return err
}

// config is the default one on free ports, with the page where it was asked for, and
// runs in quick succession, so that one sees the numbers move.
func (c demoCommand) config(dir, level string) config.Config {
	cfg := config.Default()
	cfg.DataDir = dir
	cfg.Log.Level = cmp.Or(level, "error") // a repository that is gone is not worth a line each time
	cfg.Collector.Schedule, cfg.Collector.Jitter = "@every 30s", 0
	cfg.Collector.Rate = 100 // there is nobody to spare
	cfg.MQTT.Embedded.Listen = anyPort
	cfg.Web.Listen = c.Listen
	return cfg
}

// play makes the past, and then runs the daemon beside the simulated Docker Hub.
func play(ctx context.Context, p *Process, cfg config.Config, farewell string) error {
	tuneMemory()
	world, err := past(ctx, p, cfg)
	if err != nil {
		return err
	}
	log := logger(p, cfg)
	hub, err := web.Listen(anyPort, log)
	if err != nil {
		return err
	}
	site, err := hub.Site(web.Config{}, world.Handler(time.Now))
	if err != nil {
		return errors.Join(err, hub.Close())
	}
	cfg.Collector.URL = "http://" + hub.Addr().String()
	cfg.Collector.Repositories = nil
	for _, r := range world.Repositories() {
		cfg.Collector.Repositories = append(cfg.Collector.Repositories, r.String())
	}
	if cfg.Web.Listen, err = freePort(p, cfg.Web.Listen); err != nil {
		return errors.Join(err, hub.Close())
	}
	daemon := func(ctx context.Context) error {
		return app.Run(ctx, cfg, app.Options{Log: log, Demo: true, Ready: func(a app.Addresses) {
			fmt.Fprintf(p.Stdout, "Demo: simulated numbers, at http://%s – Ctrl-C ends it and %s.\n", a.Web, farewell)
		}})
	}
	return beside(ctx, hub.Serve, func(ctx context.Context) error { return beside(ctx, site.Run, daemon) })
}

// past fills the data directory, and shows how far it is.
func past(ctx context.Context, p *Process, cfg config.Config) (*demo.World, error) {
	var bar *progress
	world, err := demo.Fill(ctx, cfg.DataDir, time.Now(), cfg.MQTT.SnapshotTopic, func(_, total int) {
		if bar == nil {
			bar = newProgress(p.Stderr, total)
		}
		bar.show("parts of two years of history")
	})
	if bar != nil {
		bar.clear()
	}
	return world, err
}

// beside runs work while serve runs, which ends after it.
func beside(ctx context.Context, serve, work func(context.Context) error) error {
	serving, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- serve(serving) }()
	err := work(ctx)
	stop()
	return errors.Join(err, <-ended)
}

// freePort is the address, or the same on a port that the system chooses where it is in
// use.
func freePort(p *Process, address string) (string, error) {
	l, err := net.Listen("tcp", address)
	if err == nil {
		return address, l.Close()
	}
	host, _, splitErr := net.SplitHostPort(address)
	if !errors.Is(err, syscall.EADDRINUSE) || splitErr != nil {
		return address, nil // the daemon says what is wrong with it
	}
	fmt.Fprintf(p.Stderr, "pulltrail: %s is in use: the demo takes a free port.\n", address)
	return net.JoinHostPort(host, "0"), nil
}

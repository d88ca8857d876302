package cli

import (
	"context"
	"net/url"
	"slices"
	"strings"

	"pulltrail/indexer"
	"pulltrail/internal/config"
	"pulltrail/internal/provision"
	"pulltrail/internal/search"
	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
)

// adminPassword is the variable with the administrator's password. It is for setup alone:
// a daemon that finds it refuses to start.
const adminPassword = "PULLTRAIL_SETUP_ADMIN_PASSWORD"

// adminFlags are an administrator of the cluster, who has a password or a certificate.
type adminFlags struct {
	Username     string `name:"admin-username" placeholder:"USER" help:"Administrator. The password is asked for, or read from PULLTRAIL_SETUP_ADMIN_PASSWORD."`
	PasswordFile string `name:"admin-password-file" placeholder:"FILE" help:"File with the administrator's password in its first line."`
	Cert         string `name:"admin-cert" placeholder:"FILE" help:"Administrator's client certificate (PEM), instead of a user name and password."`
	Key          string `name:"admin-key" placeholder:"FILE" help:"Key of that certificate (PEM)."`
}

func (f adminFlags) given() bool { return f.Username != "" || f.Cert != "" }

// take checks the flags and takes the password out of the environment, where the
// configuration would look for keys.
func (f adminFlags) take(p *Process) (administrator, error) {
	a := administrator{adminFlags: f}
	p.Env = slices.DeleteFunc(slices.Clone(p.Env), func(variable string) bool {
		value, found := strings.CutPrefix(variable, adminPassword+"=")
		if found {
			a.password = secret.New(value)
		}
		return found
	})
	switch {
	case (f.Cert == "") != (f.Key == ""):
		return a, usagef("--admin-cert and --admin-key belong together")
	case f.Cert != "" && f.Username != "":
		return a, usagef("name the administrator in one way: with --admin-username, or with --admin-cert")
	case f.PasswordFile != "" && f.Username == "":
		return a, usagef("--admin-password-file needs --admin-username")
	}
	return a, nil
}

// administrator is somebody who may change the cluster; with no name, nobody.
type administrator struct {
	adminFlags
	password secret.String
}

// connect makes a client of the administrator; it asks for a password that is not given.
func (a administrator) connect(ctx context.Context, p *Process, cfg config.Config) (*search.Client, error) {
	cluster := cfg.Indexer.OpenSearch
	if a.Cert != "" {
		cluster.TLS.CertFile, cluster.TLS.KeyFile = a.Cert, a.Key
	}
	password := a.password
	switch {
	case a.Username == "":
		password = secret.String{}
	case a.PasswordFile != "":
		var err error
		if password, err = readSecret("--admin-password-file", a.PasswordFile); err != nil {
			return nil, err
		}
	case password.IsSet():
	case p.interactive():
		answer, err := p.hidden(ctx, "Password of "+a.Username+": ")
		if err != nil {
			return nil, err
		}
		password = secret.New(answer)
	default:
		return nil, usagef("there is no terminal to ask on for the password of %s: name a file with --admin-password-file", a.Username)
	}
	if password.IsSet() && unencrypted(cluster.URLs) {
		logger(p, quieter(cfg, "warn")).Warn("the administrator's password crosses the network unencrypted: write https:// where the cluster speaks TLS")
	}
	return connectAs(cluster, a.Username, password)
}

func unencrypted(urls []string) bool {
	return slices.ContainsFunc(urls, func(address string) bool {
		u, err := url.Parse(address)
		return err == nil && u.Scheme == "http" && !tlsconf.IsLoopback(u.Hostname())
	})
}

// as is the cluster with another user.
func as(cluster indexer.ClusterConfig, user string, password secret.String) indexer.ClusterConfig {
	cluster.Username, cluster.Password, cluster.PasswordFile = user, password, ""
	return cluster
}

// connectAs reaches the configured cluster as somebody else.
func connectAs(cluster indexer.ClusterConfig, user string, password secret.String) (*search.Client, error) {
	opts, err := as(cluster, user, password).Options()
	if err != nil {
		return nil, err
	}
	return search.NewOpenSearch(opts)
}

// verify asks the cluster as a user whether it can be used, as "check --connect" does, and
// which roles it sees.
func verify(ctx context.Context, p *Process, cfg config.Config, name string, opts provision.Options, account provision.Account) checked {
	ctx, cancel := context.WithTimeout(ctx, neighbourTimeout)
	defer cancel()
	found, err := seenAs(ctx, p, cfg, opts, account)
	if err != nil {
		found = err.Error()
	}
	return checked{Name: name, OK: err == nil, Found: found}
}

func seenAs(ctx context.Context, p *Process, cfg config.Config, opts provision.Options, account provision.Account) (found string, err error) {
	cluster := as(cfg.Indexer.OpenSearch, account.User, account.Password)
	found, err = ping(ctx, indexer.ClusterSetup{URLs: cluster.URLs, Open: func(o indexer.ClusterOptions) (*indexer.Cluster, error) {
		return indexer.NewOpenSearch(cluster, o)
	}}, indexer.ClusterOptions{Log: logger(p, quieter(cfg, "error"))})
	if err != nil || account.User == "" {
		return found, err
	}
	client, err := opts.Login(account.User, account.Password)
	if err != nil {
		return "", err
	}
	defer func() { _ = client.Close() }() // everything was asked and answered
	others, err := provision.Verify(ctx, client, account.Role)
	if found += " as " + account.User; len(others) > 0 {
		found += ", who has also " + strings.Join(others, ", ")
	}
	return found, err
}

package cli

import (
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"

	"pulltrail/internal/config"
	"pulltrail/internal/search"
	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
	"pulltrail/internal/transfer"
)

// defaultIndex is where the chain of dockerhubstats2mqtt and mqtt2elasticsearch writes,
// and Pulltrail too.
const defaultIndex = "dockerhub-repositories-metrics-*"

// searchTimeout bounds one request.
const searchTimeout = time.Minute

// clusterFlags are how to reach a cluster and what to read there.
type clusterFlags struct {
	Index        string `placeholder:"PATTERN" default:"dockerhub-repositories-metrics-*" help:"Cluster: indices to read (${default})."`
	Username     string `placeholder:"USER" help:"Cluster: user name."`
	PasswordFile string `placeholder:"FILE" help:"Cluster: file with the password in its first line."`
	APIKeyFile   string `name:"api-key-file" placeholder:"FILE" help:"Elasticsearch: file with an encoded API key, instead of a user name and password."`
	CAFile       string `name:"ca-file" placeholder:"FILE" help:"Cluster: CA certificates to trust instead of the system's."`
	Insecure     bool   `help:"Cluster: do not verify its certificate."`
}

// openCluster makes the source, and what closes it.
func (f clusterFlags) openCluster(address string, elasticsearch bool, log *slog.Logger) (transfer.Source, func() error, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, nil, usagef("the address of a cluster is such as https://search.example.com:9200")
	case u.User != nil:
		return nil, nil, usagef("leave user and password out of the address: others see the command line; use --username and --password-file")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, nil, usagef("the address of a cluster ends with its path")
	case f.Index == "" || strings.ContainsAny(f.Index, "/?#\\\" "):
		return nil, nil, usagef("--index %q is not the name of an index or a pattern of names", f.Index)
	case (f.Username == "") != (f.PasswordFile == ""):
		return nil, nil, usagef("--username and --password-file belong together")
	case f.APIKeyFile != "" && (!elasticsearch || f.Username != ""):
		return nil, nil, usagef("--api-key-file is for an Elasticsearch, in place of --username")
	}
	opts := search.Options{
		URLs: []string{address}, Username: f.Username, Timeout: searchTimeout,
		TLS: tlsconf.Config{CAFile: f.CAFile, InsecureSkipVerify: f.Insecure},
	}
	if opts.Password, err = readSecret("--password-file", f.PasswordFile); err != nil {
		return nil, nil, err
	}
	if opts.APIKey, err = readSecret("--api-key-file", f.APIKeyFile); err != nil {
		return nil, nil, err
	}
	if u.Scheme == "http" && !tlsconf.IsLoopback(u.Hostname()) && (opts.Password.IsSet() || opts.APIKey.IsSet()) {
		log.Warn("the secret crosses the network unencrypted: write https:// where the cluster speaks TLS", "url", address)
	}
	if f.Insecure {
		log.Warn("the certificate of the cluster is not verified: name its CA with --ca-file instead of --insecure", "url", address)
	}
	connect := search.NewOpenSearch
	opts.OtherProduct = "use --from-elasticsearch"
	if elasticsearch {
		connect = search.NewElasticsearch
		opts.OtherProduct = "use --from-opensearch for an OpenSearch"
	}
	client, err := connect(opts)
	if err != nil {
		return nil, nil, err
	}
	source := transfer.NewCluster(transfer.ClusterOptions{Client: client, URL: strings.TrimRight(address, "/"), Index: f.Index, Now: time.Now(), Log: log})
	return source, func() error { return errors.Join(source.Close(), client.Close()) }, nil
}

func readSecret(flag, file string) (secret.String, error) {
	if file == "" {
		return secret.String{}, nil
	}
	s, err := secret.ReadFile(file)
	if err != nil {
		return s, fmt.Errorf("%s %s: %w", flag, file, err)
	}
	return s, nil
}

// sameCluster tells of what an import from a cluster makes in it, where the sink is the
// same one.
func (c importCommand) sameCluster(cfg config.Config) []string {
	from, err := url.Parse(c.FromOpenSearch + c.FromElasticsearch)
	if err != nil || from.Host == "" || c.DryRun {
		return nil
	}
	for _, address := range slices.Concat(cfg.Indexer.OpenSearch.URLs, cfg.Indexer.Elasticsearch.URLs) {
		if sink, err := url.Parse(address); err == nil && sink.Host == from.Host {
			return []string{"Pulltrail stores in this cluster too, what was imported included, with ids of its own: where both are in the same indices, each number is there twice; see Bring older data in the README"}
		}
	}
	return nil
}

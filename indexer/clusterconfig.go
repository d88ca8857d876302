package indexer

import (
	"fmt"
	"net/url"
	"slices"
	"time"

	"pulltrail/internal/search"
	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
)

// The names of the sinks, which are those of their sections.
const (
	openSearchName    = "opensearch"
	elasticsearchName = "elasticsearch"
)

// ClusterConfig is a cluster; without URLs there is none. It is the section "opensearch",
// and what "elasticsearch" has in common with it.
type ClusterConfig struct {
	URLs         []string       `koanf:"urls"`
	Username     string         `koanf:"username"`
	Password     secret.String  `koanf:"password"`
	PasswordFile string         `koanf:"password_file"`
	TLS          tlsconf.Config `koanf:"tls"`
	// Timeout bounds one request.
	Timeout time.Duration `koanf:"timeout"`
	// Compress says whether requests are compressed: "auto" (where a network is in
	// between), "always" or "never".
	Compress string `koanf:"compress"`
	// AnyProduct lets "opensearch" name an Elasticsearch too, with a warning. It is no key:
	// it is set where the URLs come from a container of the tutorial, which did not mind.
	AnyProduct bool `koanf:"-"`
}

// ElasticsearchConfig is the section "elasticsearch".
type ElasticsearchConfig struct {
	ClusterConfig `koanf:",squash,flatten"`
	// APIKey is "encoded" of Elasticsearch's answer, in place of a user.
	APIKey     secret.String `koanf:"api_key"`
	APIKeyFile string        `koanf:"api_key_file"`
	// Fingerprint is the SHA-256 of the certificate of the cluster or of its CA.
	Fingerprint string `koanf:"fingerprint"`
}

// The values of ClusterConfig.Compress.
const (
	CompressAuto   = "auto"
	CompressAlways = "always"
	CompressNever  = "never"
)

func defaultCluster() ClusterConfig {
	return ClusterConfig{Timeout: 30 * time.Second, Compress: CompressAuto}
}

// ClusterSetup is a configured cluster.
type ClusterSetup struct {
	// Name is that of the sink.
	Name string
	URLs []string
	// Open makes the sink; it does not connect. Close it.
	Open func(ClusterOptions) (*Cluster, error)
}

// Clusters are the configured ones.
func (c Config) Clusters() []ClusterSetup {
	all := []ClusterSetup{
		{openSearchName, c.OpenSearch.URLs, func(o ClusterOptions) (*Cluster, error) { return NewOpenSearch(c.OpenSearch, o) }},
		{elasticsearchName, c.Elasticsearch.URLs, func(o ClusterOptions) (*Cluster, error) { return NewElasticsearch(c.Elasticsearch, o) }},
	}
	return slices.DeleteFunc(all, func(s ClusterSetup) bool { return len(s.URLs) == 0 })
}

// Options are those of the client, the secrets read from their files.
func (c ClusterConfig) Options() (search.Options, error) {
	password, err := either(c.Password, "password_file", c.PasswordFile)
	return search.Options{
		URLs: c.URLs, Username: c.Username, Password: password, TLS: c.TLS, Timeout: c.Timeout, Compress: c.compresses(),
		AnyProduct: c.AnyProduct, OtherProduct: "name it in indexer.elasticsearch.urls instead of indexer.opensearch.urls",
	}, err
}

// Options are those of the client, the secrets read from their files.
func (c ElasticsearchConfig) Options() (search.Options, error) {
	options, err := c.ClusterConfig.Options()
	if err != nil {
		return options, err
	}
	options.Fingerprint = c.Fingerprint
	options.OtherProduct = "name an OpenSearch in indexer.opensearch.urls instead of indexer.elasticsearch.urls"
	options.APIKey, err = either(c.APIKey, "api_key_file", c.APIKeyFile)
	return options, err
}

// either is the secret, or what stands in the file that key names.
func either(s secret.String, key, file string) (secret.String, error) {
	if s.IsSet() || file == "" {
		return s, nil
	}
	s, err := secret.ReadFile(file)
	if err != nil {
		return s, fmt.Errorf("%s %s: %w", key, file, err)
	}
	return s, nil
}

// compresses reports whether requests are to be compressed.
func (c ClusterConfig) compresses() bool {
	switch c.Compress {
	case CompressAlways:
		return true
	case CompressNever:
		return false
	}
	return slices.ContainsFunc(c.URLs, func(address string) bool {
		u, err := url.Parse(address)
		return err == nil && !tlsconf.IsLoopback(u.Hostname())
	})
}

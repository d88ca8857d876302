package indexer

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"time"

	"pulltrail/internal/problem"
	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
)

// The range of a cluster's timeout.
const (
	minTimeout = 100 * time.Millisecond
	maxTimeout = 10 * time.Minute
)

// validate finds the mistakes in the section of that name.
func (c ClusterConfig) validate(section string) problem.List {
	var list problem.List
	for i, address := range c.URLs {
		if message := checkURL(address, section); message != "" {
			list.Add(fmt.Sprintf("urls[%d]", i), shown(address), "%s", message)
		}
	}
	if (c.Password.IsSet() || c.PasswordFile != "") && c.Username == "" {
		list.Add("username", "", "a password needs a user: write indexer.%s.username", section)
	}
	if c.Username != "" && !c.Password.IsSet() && c.PasswordFile == "" {
		list.Add("password", nil, "the user %q needs a password: write indexer.%s.password or password_file", c.Username, section)
	}
	checkSecretFile(&list, "password_file", c.PasswordFile, "password")
	if c.Timeout < minTimeout || c.Timeout > maxTimeout {
		list.Add("timeout", c.Timeout, "is out of range: write %s to %s", minTimeout, maxTimeout)
	}
	switch c.Compress {
	case CompressAuto, CompressAlways, CompressNever, "": // none stands for auto
	default:
		list.Add("compress", c.Compress, "is unknown: write %s, %s or %s", CompressAuto, CompressAlways, CompressNever)
	}
	list.AddUnder("tls", c.TLS.Validate())
	return list
}

func (c ElasticsearchConfig) validate() problem.List {
	list := c.ClusterConfig.validate(elasticsearchName)
	if c.Username != "" && (c.APIKey.IsSet() || c.APIKeyFile != "") {
		list.Add("username", c.Username, "stands beside an API key: keep one of the two")
	}
	checkSecretFile(&list, "api_key_file", c.APIKeyFile, "API key")
	if key, err := either(c.APIKey, "", c.APIKeyFile); err == nil && key.IsSet() && !isAPIKey(key) {
		list.Add("api_key", nil, "is not an API key: write what Elasticsearch calls \"encoded\", which is id:key in base64")
	}
	if c.Fingerprint == "" {
		return list
	}
	if err := tlsconf.CheckFingerprint(c.Fingerprint); err != nil {
		list.Add("fingerprint", c.Fingerprint, "%v", err)
	}
	if c.TLS.CAFile != "" || c.TLS.InsecureSkipVerify {
		list.Add("fingerprint", c.Fingerprint, "stands beside another way to trust: keep this, or tls.ca_file, or tls.insecure_skip_verify")
	}
	return list
}

// isAPIKey knows the form, without which the reason of a refusal is hard to guess.
func isAPIKey(key secret.String) bool {
	text, err := base64.StdEncoding.DecodeString(key.Reveal())
	id, rest, found := bytes.Cut(text, []byte(":"))
	return err == nil && found && len(id) > 0 && len(rest) > 0
}

func checkSecretFile(list *problem.List, key, file, what string) {
	if file == "" {
		return
	}
	if _, err := secret.ReadFile(file); err != nil {
		list.Add(key, file, "%v; name a readable file with the %s in its first line", err, what)
	}
}

func checkURL(address, section string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "":
		return "is not the address of a cluster: write https://host:9200"
	case u.User != nil:
		return "a URL is logged, so it carries no user: write indexer." + section + ".username and password"
	case u.RawQuery != "" || u.Fragment != "":
		return "has a query or a fragment: write https://host:9200, with a path only behind a proxy"
	}
	return ""
}

// shown is address fit for a message: what may be a secret is left out.
func shown(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "" // url.Parse knows no part of it, so neither do we
	}
	if u.User != nil {
		u.User = url.User("user")
	}
	u.RawQuery, u.Fragment = "", ""
	return u.String()
}

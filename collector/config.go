package collector

import (
	"net/url"
	"strings"
	"time"

	"pulltrail/internal/problem"
	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
)

// Config is the section "collector" of the configuration.
type Config struct {
	// URL is Docker Hub's API.
	URL string `koanf:"url"`
	// Schedule is a cron spec of five fields, a descriptor such as @daily, or
	// "@every 6h"; Timezone (IANA) is where its hours are meant.
	Schedule string `koanf:"schedule"`
	Timezone string `koanf:"timezone"`
	// RunOnStart collects the latest past slot at start, unless that was done. Repositories without any snapshot are
	// collected at start in any case.
	RunOnStart bool `koanf:"run_on_start"`
	// Jitter spreads the start of a run over this time after its slot.
	Jitter time.Duration `koanf:"jitter"`
	// Deadline bounds one run.
	Deadline time.Duration `koanf:"deadline"`
	// Repositories are "namespace/name", where a bare name is an official image, and
	// patterns: "namespace/*" or "namespace/prefix-*". Exclude are the same, of what the
	// patterns are not to take.
	Repositories []string `koanf:"repositories"`
	Exclude      []string `koanf:"exclude"`
	// Detail says what is asked for a repository that a pattern takes: "auto", nothing
	// but the listing of its namespace, or "always", each by itself.
	Detail string `koanf:"detail"`
	// Username is the account of the login, or an organisation, with its password or an
	// access token; without it only public repositories are seen.
	Username     string        `koanf:"username"`
	Password     secret.String `koanf:"password"`
	PasswordFile string        `koanf:"password_file"`
	// TLS says how to trust Docker Hub, or a proxy on the way.
	TLS tlsconf.Config `koanf:"tls"`
	// Timeout bounds one request.
	Timeout time.Duration `koanf:"timeout"`
	// Concurrency is how many requests may be under way; Rate how many may begin
	// each second. Docker Hub allows 180 requests a minute without a login.
	Concurrency int     `koanf:"concurrency"`
	Rate        float64 `koanf:"rate"`
	// Tries is how often a request is tried before it has failed. Budget is how many
	// requests a run may send; what is left over comes with the next part of the run.
	// Zero is no bound.
	Tries  int `koanf:"tries"`
	Budget int `koanf:"budget"`
	// GoneAfter is for how many slots in a row a repository must not be found to count
	// as gone.
	GoneAfter int `koanf:"gone_after"`
	// MaxBody is the largest answer that is read, in bytes.
	MaxBody int64 `koanf:"max_body"`
}

// The values of Config.Detail.
const (
	DetailAuto   = "auto"
	DetailAlways = "always"
)

// The bounds of what may be configured.
const (
	maxConcurrency = 64
	maxRate        = 100 // requests a second
	maxTries       = 20
	minMaxBody     = 1 << 10 // bytes
	maxMaxBody     = 64 << 20
)

// DefaultConfig polls the two images of the tutorial once a night, well below
// Docker Hub's limit for callers without a login.
func DefaultConfig() Config {
	return Config{
		URL:          "https://hub.docker.com",
		Schedule:     "0 1 * * *",
		Timezone:     "UTC",
		RunOnStart:   true,
		Jitter:       time.Minute,
		Deadline:     30 * time.Minute,
		Repositories: []string{"oitc/dockerhubstats2mqtt", "oitc/mqtt2elasticsearch"},
		Timeout:      15 * time.Second,
		Concurrency:  4,
		Rate:         2,
		Detail:       DetailAuto,
		Tries:        4,
		GoneAfter:    3,
		MaxBody:      1 << 20,
	}
}

// Validate lists every mistake, with keys relative to this section. The schedule
// and its time zone are checked where they are parsed, by the scheduler.
func (c Config) Validate() problem.List {
	var list problem.List
	c.validateURL(&list)
	_, mistakes := c.plan()
	list = append(list, mistakes...)
	c.validateLogin(&list)
	list.AddUnder("tls", c.TLS.Validate())
	if c.Detail != DetailAuto && c.Detail != DetailAlways {
		list.Add("detail", c.Detail, "is unknown: write %s or %s", DetailAuto, DetailAlways)
	}
	if c.Tries < 1 || c.Tries > maxTries {
		list.Add("tries", c.Tries, "must be from 1 to %d", maxTries)
	}
	if c.Budget < 0 {
		list.Add("budget", c.Budget, "must not be negative; write 0 for no bound")
	}
	if c.GoneAfter < 1 {
		list.Add("gone_after", c.GoneAfter, "must be at least 1")
	}
	if c.Jitter < 0 {
		list.Add("jitter", c.Jitter, "must not be negative; write 0s for none")
	}
	if c.Deadline <= 0 {
		list.Add("deadline", c.Deadline, "must be above zero, such as 30m")
	}
	if c.Timeout <= 0 {
		list.Add("timeout", c.Timeout, "must be above zero, such as 15s")
	}
	if c.Concurrency < 1 || c.Concurrency > maxConcurrency {
		list.Add("concurrency", c.Concurrency, "must be from 1 to %d", maxConcurrency)
	}
	if !(c.Rate > 0 && c.Rate <= maxRate) { // also when it is NaN
		list.Add("rate", c.Rate, "must be above 0 and at most %d requests a second; Docker Hub allows 3 without a login", maxRate)
	}
	if c.MaxBody < minMaxBody || c.MaxBody > maxMaxBody {
		list.Add("max_body", c.MaxBody, "must be from %d (1 KiB) to %d (64 MiB) bytes", minMaxBody, maxMaxBody)
	}
	return list
}

func (c Config) validateURL(list *problem.List) {
	if strings.Contains(c.URL, "@") { // it may hold a password, so it is not printed
		list.Add("url", nil, "must not hold a user name or password; write only scheme, host and path")
		return
	}
	u, err := url.Parse(c.URL)
	switch {
	case err != nil:
		list.Add("url", c.URL, "is not a URL; write one such as https://hub.docker.com")
	case u.Scheme != "http" && u.Scheme != "https":
		list.Add("url", c.URL, "must begin with https:// or http://, such as https://hub.docker.com")
	case u.Hostname() == "":
		list.Add("url", c.URL, "has no host; write one such as https://hub.docker.com")
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(c.URL, "#"):
		list.Add("url", c.URL, "must have neither a query (?) nor a fragment (#); remove it")
	}
}

func (c Config) validateLogin(list *problem.List) {
	given := c.Password.IsSet() || c.PasswordFile != ""
	switch {
	case given && c.Username == "":
		list.Add("username", "", "a password needs a user: write collector.username, for an organisation's access token the name of the organisation")
	case !given && c.Username != "":
		list.Add("password", nil, "the user %q needs a password or an access token: write collector.password_file or collector.password", c.Username)
	}
	if c.PasswordFile != "" {
		if _, err := secret.ReadFile(c.PasswordFile); err != nil {
			list.Add("password_file", c.PasswordFile, "%v; name a readable file with the password in its first line", err)
		}
	}
	if u, err := url.Parse(c.URL); err == nil && c.Username != "" && u.Scheme == "http" && !tlsconf.IsLoopback(u.Hostname()) {
		list.Add("url", c.URL, "is not encrypted, and the password would be sent over it: write https://")
	}
}

package collector

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"pulltrail/internal/hub"
	"pulltrail/internal/problem"
)

// Config is the section "collector" of the configuration.
type Config struct {
	// URL is Docker Hub's API.
	URL string `koanf:"url"`
	// Schedule is a cron spec of five fields, a descriptor such as @daily, or
	// "@every 6h"; Timezone (IANA) is where its hours are meant.
	Schedule string `koanf:"schedule"`
	Timezone string `koanf:"timezone"`
	// RunOnStart collects the latest past slot at start, unless that was done.
	RunOnStart bool `koanf:"run_on_start"`
	// Jitter spreads the start of a run over this time after its slot.
	Jitter time.Duration `koanf:"jitter"`
	// Deadline bounds one run.
	Deadline time.Duration `koanf:"deadline"`
	// Repositories are "namespace/name"; a bare name is an official image.
	Repositories []string `koanf:"repositories"`
	// Timeout bounds one request.
	Timeout time.Duration `koanf:"timeout"`
	// Concurrency is how many requests may be under way; Rate how many may begin
	// each second. Docker Hub allows 180 requests a minute without a login.
	Concurrency int     `koanf:"concurrency"`
	Rate        float64 `koanf:"rate"`
	// MaxBody is the largest answer that is read, in bytes.
	MaxBody int64 `koanf:"max_body"`
}

// The bounds of what may be configured.
const (
	maxConcurrency = 64
	maxRate        = 100     // requests a second
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
		MaxBody:      1 << 20,
	}
}

// Validate lists every mistake, with keys relative to this section. The schedule
// and its time zone are checked where they are parsed, by the scheduler.
func (c Config) Validate() problem.List {
	var list problem.List
	c.validateURL(&list)
	_, mistakes := c.parse()
	list = append(list, mistakes...)
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

// Parsed is the repositories in their order, each once: "nginx" and
// "library/nginx" are the same. Names that Validate objects to are left out.
func (c Config) Parsed() []hub.Repository {
	repositories, _ := c.parse()
	return repositories
}

func (c Config) parse() ([]hub.Repository, problem.List) {
	var mistakes problem.List
	repositories := make([]hub.Repository, 0, len(c.Repositories))
	seen := make(map[hub.Repository]bool, len(c.Repositories))
	for i, s := range c.Repositories {
		r, err := hub.ParseRepository(s)
		if err != nil {
			mistakes.Add(fmt.Sprintf("repositories[%d]", i), nil, "%v", err) // the error quotes the value
			continue
		}
		if !seen[r] {
			seen[r] = true
			repositories = append(repositories, r)
		}
	}
	return repositories, mistakes
}

package collector

import (
	"time"
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

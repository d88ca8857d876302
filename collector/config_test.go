package collector_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"pulltrail/collector"
	"pulltrail/internal/hub"
)

func TestDefaultConfigHasNoMistake(t *testing.T) {
	if mistakes := collector.DefaultConfig().Validate(); len(mistakes) > 0 {
		t.Error(mistakes)
	}
}

func TestEveryMistakeIsNamedWithItsKeyValueAndRemedy(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*collector.Config)
		want   string
	}{
		"URL without a scheme":   {func(c *collector.Config) { c.URL = "hub.docker.com" }, `url: "hub.docker.com": must begin with https:// or http://, such as https://hub.docker.com`},
		"no URL":                 {func(c *collector.Config) { c.URL = "" }, `url: "": must begin with https://`},
		"URL of another kind":    {func(c *collector.Config) { c.URL = "ftp://hub.docker.com" }, `url: "ftp://hub.docker.com": must begin with https://`},
		"URL without a host":     {func(c *collector.Config) { c.URL = "https:///v2" }, `url: "https:///v2": has no host`},
		"URL of a port alone":    {func(c *collector.Config) { c.URL = "https://:443" }, `url: "https://:443": has no host`},
		"URL with a query":       {func(c *collector.Config) { c.URL = "https://h/?a=b" }, `url: "https://h/?a=b": must have neither a query`},
		"URL with a fragment":    {func(c *collector.Config) { c.URL = "https://h/#" }, `url: "https://h/#": must have neither a query (?) nor a fragment`},
		"URL that is none":       {func(c *collector.Config) { c.URL = "https://h\x7f" }, `url: "https://h\x7f": is not a URL`},
		"empty tag":              {func(c *collector.Config) { c.Repositories = []string{"a/b", "nginx:"} }, `repositories[1]: "nginx:": not a tag after ':'; use namespace/name`},
		"another registry":       {func(c *collector.Config) { c.Repositories = []string{"ghcr.io/a/b"} }, `repositories[0]: "ghcr.io/a/b": the host is not Docker Hub; use namespace/name`},
		"repository in capitals": {func(c *collector.Config) { c.Repositories = []string{"A/b"} }, `repositories[0]: "A/b": not a repository; use namespace/name`},
		"negative jitter":        {func(c *collector.Config) { c.Jitter = -1 }, "jitter: -1ns: must not be negative"},
		"no deadline":            {func(c *collector.Config) { c.Deadline = 0 }, "deadline: 0s: must be above zero, such as 30m"},
		"no timeout":             {func(c *collector.Config) { c.Timeout = -time.Second }, "timeout: -1s: must be above zero, such as 15s"},
		"no concurrency":         {func(c *collector.Config) { c.Concurrency = 0 }, "concurrency: 0: must be from 1 to 64"},
		"much concurrency":       {func(c *collector.Config) { c.Concurrency = 65 }, "concurrency: 65: must be from 1 to 64"},
		"no rate":                {func(c *collector.Config) { c.Rate = 0 }, "rate: 0: must be above 0 and at most 100"},
		"high rate":              {func(c *collector.Config) { c.Rate = 100.5 }, "rate: 100.5: must be above 0"},
		"rate that is no number": {func(c *collector.Config) { c.Rate = math.NaN() }, "rate: NaN: must be above 0"},
		"small max_body":         {func(c *collector.Config) { c.MaxBody = 1023 }, "max_body: 1023: must be from 1024 (1 KiB)"},
		"large max_body":         {func(c *collector.Config) { c.MaxBody = 64<<20 + 1 }, "max_body: 67108865: must be from 1024 (1 KiB)"},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := collector.DefaultConfig()
			c.change(&cfg)
			mistakes := cfg.Validate()
			if len(mistakes) != 1 || !strings.HasPrefix(mistakes.Error(), c.want) {
				t.Errorf("got\n%v\nwant one that begins with\n%s", mistakes, c.want)
			}
			if _, err := collector.New(cfg, collector.Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("New: %v", err)
			}
		})
	}
}

func TestAllMistakesAreFoundAtOnce(t *testing.T) {
	mistakes := collector.Config{Jitter: -1, Repositories: []string{"a/", "b", "/c"}}.Validate()
	var keys []string
	for _, m := range mistakes {
		keys = append(keys, m.Key)
	}
	want := []string{"url", "repositories[0]", "repositories[2]", "detail", "tries", "gone_after", "jitter", "deadline", "timeout", "concurrency", "rate", "max_body"}
	if diff := cmp.Diff(want, keys); diff != "" {
		t.Error(diff)
	}
}

func TestPasswordInTheURLIsRefusedAndNotShown(t *testing.T) {
	for _, url := range []string{"https://me:geheim@hub.docker.com", "https://me:geheim%@x"} {
		cfg := collector.DefaultConfig()
		cfg.URL = url
		mistakes := cfg.Validate()
		if len(mistakes) != 1 || strings.Contains(mistakes.Error(), "geheim") || !strings.HasPrefix(mistakes.Error(), "url: must not hold a user name or password") {
			t.Errorf("%v", mistakes)
		}
	}
}

func TestRepositoriesAreMergedInTheirOrder(t *testing.T) {
	cfg := collector.DefaultConfig()
	cfg.Repositories = []string{"nginx", "oitc/x", "library/nginx", "oitc/x", "a/b"}
	if mistakes := cfg.Validate(); len(mistakes) > 0 {
		t.Error(mistakes)
	}
	want := []hub.Repository{{Namespace: "library", Name: "nginx"}, {Namespace: "oitc", Name: "x"}, {Namespace: "a", Name: "b"}}
	if diff := cmp.Diff(want, cfg.Plan().Names); diff != "" {
		t.Error(diff)
	}
}

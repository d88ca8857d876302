package ops

import (
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// maxScrapes bounds how many scrapes are answered at the same time.
const maxScrapes = 4

// scrapes answers /metrics.
func scrapes(opts Options) http.HandlerFunc {
	turns := make(chan struct{}, maxScrapes)
	return func(w http.ResponseWriter, r *http.Request) {
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
		default:
			http.Error(w, "Too many scrapes at the same time: try again later.", http.StatusServiceUnavailable)
			return
		}
		gatherer, err := gathererFor(opts, r)
		if err != nil {
			if r.Context().Err() == nil { // else the scraper has gone
				w.Header().Set("Retry-After", "10")
				http.Error(w, "The metrics are not complete yet: "+err.Error(), http.StatusServiceUnavailable)
			}
			return
		}
		promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{
			ErrorLog: scrapeErrors{opts.Log},
			// One broken metric must not hide all others.
			ErrorHandling:     promhttp.ContinueOnError,
			EnableOpenMetrics: true,
		}).ServeHTTP(w, r)
	}
}

// gathererFor has what the process counts, and what the visitor may see besides.
func gathererFor(opts Options, r *http.Request) (prometheus.Gatherer, error) {
	if opts.Shown == nil {
		return opts.Gatherer, nil
	}
	shown, err := opts.Shown(r.Context())
	if err != nil {
		return nil, err
	}
	mine := prometheus.NewRegistry()
	mine.MustRegister(fixed(shown))
	return prometheus.Gatherers{opts.Gatherer, mine}, nil
}

// fixed is a collector of what was collected already.
type fixed []prometheus.Metric

// Describe implements prometheus.Collector. It says nothing, so that the registry looks at
// the metrics themselves.
func (fixed) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector.
func (f fixed) Collect(to chan<- prometheus.Metric) {
	for _, m := range f {
		to <- m
	}
}

// scrapeErrors passes what promhttp complains of to the log.
type scrapeErrors struct{ log *slog.Logger }

// Println makes it a promhttp.Logger.
func (s scrapeErrors) Println(v ...any) {
	for _, x := range v {
		if err, ok := x.(error); ok {
			s.log.Error("web: the metrics are incomplete", "err", err)
			return
		}
	}
	s.log.Error("web: the metrics are incomplete", "err", v)
}

package web

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"pulltrail/internal/web/access"
)

// changeover bounds how long a request waits for a site.
const changeover = 30 * time.Second

// stage is where the sites of a server take turns.
type stage struct {
	mu      sync.Mutex
	site    *Site         // nil while there is none
	entered chan struct{} // closed while there is one
}

// ServeHTTP has the site answer that is there, or the next one.
func (s *stage) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	site := s.admit(r.Context())
	if site == nil {
		w.Header().Set("Retry-After", "1")
		access.Deny(w, r, http.StatusServiceUnavailable, "Pulltrail is starting or stopping.")
		return
	}
	defer site.requests.Done()
	site.answer(w, r)
}

// admit counts a request as one of the site that answers it; nil where none comes.
func (s *stage) admit(ctx context.Context) *Site {
	ctx, cancel := context.WithTimeout(ctx, changeover)
	defer cancel()
	for {
		s.mu.Lock()
		site, entered := s.site, s.entered
		if site != nil {
			site.requests.Add(1)
		}
		s.mu.Unlock()
		if site != nil {
			return site
		}
		select {
		case <-entered:
		case <-ctx.Done():
			return nil
		}
	}
}

func (s *stage) enter(site *Site) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.site = site
	close(s.entered)
}

func (s *stage) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.site, s.entered = nil, make(chan struct{})
}

// Site is what a Server shows for some time.
type Site struct {
	stage    *stage
	handler  http.Handler
	log      *slog.Logger
	patience time.Duration // how long requests may take to finish when Run ends
	requests sync.WaitGroup
	ended    context.Context // of its requests
	cut      context.CancelFunc
}

func newSite(on *stage, handler http.Handler, log *slog.Logger) *Site {
	s := &Site{stage: on, handler: handler, log: log, patience: shutdownTimeout}
	s.ended, s.cut = context.WithCancel(context.Background())
	return s
}

// Run answers requests until ctx is done. Those under way may then finish for up to 5
// seconds; what is left is cut off, its context cancelled. It is called once, and no other
// site of the server runs meanwhile.
func (s *Site) Run(ctx context.Context) error {
	defer s.cut()
	s.stage.enter(s)
	<-ctx.Done()
	s.stage.leave()
	finished := make(chan struct{})
	go func() {
		s.requests.Wait()
		close(finished)
	}()
	patience := time.NewTimer(s.patience)
	defer patience.Stop()
	select {
	case <-finished:
		return nil
	case <-patience.C:
	}
	s.log.Info("web: requests were still under way and have been cut off", "waited", s.patience)
	s.cut()
	<-finished
	return nil
}

// answer ends with the site.
func (s *Site) answer(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	stop := context.AfterFunc(s.ended, func() {
		cancel()
		connection := http.NewResponseController(w)
		_ = connection.SetWriteDeadline(time.Now()) // fails where the answer has ended
		_ = connection.SetReadDeadline(time.Now())
	})
	defer stop()
	s.handler.ServeHTTP(w, r.WithContext(ctx))
}

package collector

import (
	"sync"

	"pulltrail/internal/hub"
)

// maxRemembered bounds how many answers are remembered; beyond it all are forgotten,
// which costs no more than their being sent again.
const maxRemembered = 1000

// remembered are the answers for single repositories that came with an ETag, so that the
// next request can ask whether anything is new.
type remembered struct {
	mu      sync.Mutex
	answers map[hub.Repository]remembrance
}

type remembrance struct {
	etag string
	body []byte
}

// of is what is remembered of r; zero for nothing.
func (m *remembered) of(r hub.Repository) remembrance {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.answers[r]
}

func (m *remembered) keep(r hub.Repository, etag string, body []byte) {
	if etag == "" {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers == nil || len(m.answers) >= maxRemembered {
		m.answers = make(map[hub.Repository]remembrance)
	}
	m.answers[r] = remembrance{etag, body}
}

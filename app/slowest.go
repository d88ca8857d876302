package app

import (
	"slices"
	"sync"

	"pulltrail/internal/document"
)

// slowest knows how far several followers of one log have come. Until each has said
// so once, nobody has come anywhere.
type slowest struct {
	mu        sync.Mutex
	positions []document.Position
}

// add returns what one more follower is to call with its position. At each call, passed
// is told the position that all of them have reached, by one of them at a time.
func (s *slowest) add(passed func(document.Position)) func(document.Position) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := len(s.positions)
	s.positions = append(s.positions, 0)
	return func(position document.Position) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.positions[own] = position
		passed(slices.Min(s.positions))
	}
}

package app

import (
	"slices"
	"testing"

	"pulltrail/internal/document"
)

func TestALogIsGivenBackBehindTheSlowestFollower(t *testing.T) {
	var s slowest
	var passed []document.Position
	pass := func(p document.Position) { passed = append(passed, p) }
	fast, slow := s.add(pass), s.add(pass)
	fast(10)
	slow(3)
	fast(20)
	slow(15)
	slow(30)
	if want := []document.Position{0, 3, 3, 15, 20}; !slices.Equal(passed, want) {
		t.Errorf("passed %v, want %v", passed, want)
	}
}

// Package roster is a stand-in until the real one is merged.
package roster

import (
	"time"

	"pulltrail/internal/hub"
)

type Report struct {
	hub.Repository
	Listed  bool
	Absent  bool
	Cause   string
	Message string
}

type Listing struct {
	Namespace string
	Slot      time.Time
	Next      int
	Rows      int
	Total     int
	Truncated bool
	Message   string
}

// Package roster keeps which repositories there are and how each fares: when it was
// seen last, since when it is not found, why there was no snapshot. It also keeps how
// far the listing of each namespace has come.
//
// What it promises: what was reported is durable when Report or SetListing has
// returned nil, all of one call or, after an error, nothing of it. Slots are told
// apart to the microsecond. Within one slot the order of reports does not decide
// whether a repository was seen: one success for a slot stands, whatever else is
// reported for it, so a run that is repeated after a crash does no harm. Every method
// is safe for concurrent use.
//
// A report for an older slot than the last one of its repository changes nothing.
// So after a clock that was far ahead, an entry stands still until the slots have
// come past that time.
//
// At its bounds: a message is cut to 500 bytes. Each and Entries read 1,000 entries at
// a time. The roster itself drops nothing: it grows by a row of about 100 bytes for
// each repository that was ever reported, until Forget.
package roster

import (
	"time"

	"pulltrail/internal/database"
	"pulltrail/internal/hub"
)

// Entry is what is known of one repository. Times are in UTC.
type Entry struct {
	hub.Repository
	// Listed says that it was found by the listing of its namespace, not named in the
	// configuration.
	Listed bool
	// Seen is the newest slot for which it answered; zero for never.
	Seen time.Time
	// Absent is the number of slots in a row in which it was not found, since it was
	// seen. A slot in which it failed otherwise neither counts nor ends the row.
	Absent int
	// Since is the first of these slots; zero when Absent is 0.
	Since time.Time
	// Cause is why there was no snapshot the last time; empty when there was one.
	Cause string
	// Message says the same in a sentence, of which at most 500 bytes are kept.
	Message string
	// Slot is that of the last report.
	Slot time.Time
}

// Report is what a run says of one repository.
type Report struct {
	hub.Repository
	// Listed says that it was found by the listing of its namespace.
	Listed bool
	// Absent says that it was not found, which counts once per slot.
	Absent bool
	// Cause is why there is no snapshot. It answered when this is empty and Absent is
	// false.
	Cause string
	// Message says the same in a sentence. That of a success is not kept.
	Message string
}

// Listing is how far the listing of a namespace has come for a slot.
type Listing struct {
	Namespace string
	// Slot is in UTC.
	Slot time.Time
	// Next is the page to go on with; 0 when the listing is done.
	Next int
	// Rows is how many repositories were listed so far.
	Rows int
	// Total is how many there are by Docker Hub's own count.
	Total int
	// Truncated says that Docker Hub shows no more without a login.
	Truncated bool
	// Message is a sentence about the listing, of which at most 500 bytes are kept.
	Message string
	// Selection is the patterns with which its rows were selected; empty in listings from before version 4 of the schema.
	Selection string
}

// Store is the roster in a database. It is safe for concurrent use.
type Store struct {
	db *database.DB
}

// New is the roster in db, which stays the caller's to close.
func New(db *database.DB) *Store {
	return &Store{db: db}
}

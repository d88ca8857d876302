package page

import (
	"context"
	"time"
)

// Operations are what the status page tells of, and the one thing that can be asked of
// the process. It may be called by any number of requests at the same time.
type Operations interface {
	// Report is how everything stands. With an error, what could be read of it.
	Report(ctx context.Context) (Report, error)
	// Sinks are how far each has come; it is known without reading anything.
	Sinks() []Sink
	// Collect has a run begin now, without waiting for it. Where one is under way, that is
	// the one.
	Collect()
}

// Report is how the process stands. It has what strangers must not see, and messages
// that may name private repositories.
type Report struct {
	// Started is when the process did.
	Started  time.Time
	Schedule Schedule
	// Asked says that Collect was called and what follows has not ended.
	Asked bool
	// NoCollector says that this process collects nothing.
	NoCollector bool
	// Last is the last run that has ended; nil before the first since the start.
	Last     *LastRun
	Listings []Listing
	// Limits are what Docker Hub's last answer said of its limit; nil when none did.
	Limits *Limits
	Parts  []Part
	Sinks  []Sink
	// Outbox is how many snapshots wait to be published; nil where it cannot be read.
	Outbox *int
	// Letters are the dead letters of each sink that has some.
	Letters map[string]int
	// Database is its size in bytes; nil where it cannot be read.
	Database *int64
}

// Schedule is when runs begin.
type Schedule struct {
	// Spec and Timezone are as they are configured.
	Spec, Timezone string
	// Next is the slot that is waited for; Retry is when a run that was not finished is
	// gone on with, zero when there is none.
	Next, Retry time.Time
	// Skipped is how many slots were passed over because a run was under way.
	Skipped int
}

// LastRun is how a run went.
type LastRun struct {
	Slot, Started, Finished time.Time
	// Manual says that a person asked for it.
	Manual bool
	// Succeeded, Skipped and Failed are repositories; Skipped were there already.
	Succeeded, Skipped, Failed int
	// Requests is how many were sent.
	Requests int
	// Unfinished says why the run goes on later, and Err why it failed as a whole; empty
	// when it did not.
	Unfinished, Err string
}

// Listing is how much of a namespace is listed.
type Listing struct {
	Namespace   string
	Rows, Total int
	// Slot is for when that is true.
	Slot time.Time
	// Truncated says that Docker Hub shows no more without a login.
	Truncated bool
	// Message says what is the matter, in a sentence.
	Message string
}

// Limits are Docker Hub's.
type Limits struct {
	// Limit is how many requests a window allows, Remaining how many are left of them.
	Limit, Remaining int
	// Reset is when the next window begins.
	Reset time.Time
}

// Part is what /-/ready asks.
type Part struct {
	Name   string
	OK     bool
	Since  time.Time
	Detail string
	// Optional says that snapshots are taken and kept without it.
	Optional bool
}

// Sink is how far the entries of a log have come.
type Sink struct {
	Name, Log string
	OK        bool
	// Behind is how many entries are not settled, Lag how long the oldest has waited.
	Behind uint64
	Lag    time.Duration
	// Refused is how many entries became dead letters since the start.
	Refused uint64
}

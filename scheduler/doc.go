// Package scheduler runs named jobs on cron specs.
//
// # Slots
//
// A slot is a time at which a job is due: a whole second in UTC that follows from
// the spec and the time zone alone, so that every daemon with the same schedule has
// the same slots. A run is for a slot, whenever it begins: jitter, a late start and
// catching up move the run, never its slot. The ledger holds the newest slot that
// each job has dealt with.
//
// When clocks go back, a spec with fixed hours fires once, the first time; when
// they go forward, what they jump over fires at the end of the gap. A spec for every
// hour fires in every hour that passes. The slots of "@every" are the multiples of
// its duration since 1970-01-01T00:00:00Z.
//
// # What is promised
//
// A slot that comes while Run runs is run once, unless the job is busy (see below).
// It is recorded when the job has returned, with an error or without: whether to try
// again is for the job to decide.
// A slot whose run was cut short, because the process was stopped or killed, is not
// recorded and is run again by the next Run.
//
// Of the slots that were missed (the process was down, the machine was asleep) only
// the newest is caught up, at once and without jitter. A job that has never run
// begins with its latest past slot if RunOnStart says so, and else with its next.
//
// What has never had a run, according to Spec.Missing, does not wait for the next slot:
// at start, the job runs for it, for the latest past slot, at once and without jitter.
// That run ends when the next slot comes, whose run covers it.
//
// A job never runs twice at the same time, be it on schedule or triggered. A panic
// is a failed run. A ledger that cannot be written is tried again every minute; the
// runs go on meanwhile, so a crash in that time can repeat a slot.
//
// # A slot in parts
//
// A job that returns an Unfinished has done a part of its slot. The slot is not
// recorded; it is run again when the job asks for it, by the wall clock and without
// jitter, until the job returns something else. A continuation is a run like any
// other: it has the whole deadline, and none begins while the job is busy with a
// manual run; it waits for the end of that.
//
// The next slot takes the place of a continuation that has not begun when it comes,
// even while its own run waits for its jitter. One that comes while the job runs is
// passed over, as always, and the unfinished slot goes on. After a restart, an
// unfinished slot is one that was missed. A manual run is not continued.
//
// # At the bounds
//
// A slot that comes while the job is still running is passed over: counted in
// pulltrail_scheduler_skipped_total, logged and not recorded. A run is cancelled at
// its deadline. There are no queues: each job has one goroutine that waits for its
// slots and at most one that runs it. The wall clock is looked at once a minute at
// least; when it turns out to have been more than an hour ahead, the schedule begins
// anew from where it is now.
package scheduler

package page

// status is the line at the top. Red is for what a person has to mend.
func (f *facts) status(t total) status {
	next := f.upcoming()
	finished := f.run.Finished
	if finished.IsZero() {
		finished = t.newest // before this process, somebody collected
	}
	collected := moment(f.now, &finished)
	failed := f.failed()
	switch {
	case f.run.Running && finished.IsZero():
		return status{Level: levelBusy, Text: statusRunning("")}
	case f.run.Running:
		return status{Level: levelBusy, Text: statusRunning(collected.Short), Title: collected.Exact}
	case finished.IsZero() && t.notStored > 0:
		return status{Level: levelWarn, Text: statusOutboxOnly}
	case finished.IsZero() && t.rows == 0:
		return status{Level: levelIdle, Text: statusNothing("")} // a run would have nothing to do
	case finished.IsZero():
		return status{Level: levelIdle, Text: statusNothing(f.nextRun())}
	}
	s := status{Level: levelOK, Text: statusDone(collected.Short, next, failed, len(f.run.Outcomes)), Title: collected.Exact}
	switch {
	case t.bad > 0:
		s.Level = levelBad
	case failed > 0:
		s.Level = levelWarn
	case t.notStored > 0:
		s.Level, s.Text = levelWarn, statusNotStored(collected.Short, next)
	}
	return s
}

// upcoming says when the next attempt is: the retry of an unfinished run, or else the next
// run. It is empty when there is neither.
func (f *facts) upcoming() string {
	if f.retries() {
		return statusRetry(until(f.run.Retry.Sub(f.now)))
	}
	if next := f.nextRun(); next != "" {
		return statusNext(next)
	}
	return ""
}

// retries reports whether an unfinished run is resumed before the next one begins.
func (f *facts) retries() bool {
	return !f.run.Retry.IsZero() && (f.next.IsZero() || f.run.Retry.Before(f.next))
}

// nextRun is empty when none is scheduled.
func (f *facts) nextRun() string {
	if f.next.IsZero() {
		return ""
	}
	return until(f.next.Sub(f.now))
}

func (f *facts) failed() int {
	n := 0
	for _, o := range f.run.Outcomes {
		if o.Cause != "" {
			n++
		}
	}
	return n
}

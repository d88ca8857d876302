package page

import (
	"context"
	"net/url"
	"strconv"

	"pulltrail/internal/history"
	"pulltrail/internal/rollup"
)

// pageOfSnapshots is how many snapshots are shown at once.
const pageOfSnapshots = 100

// snapshot is a row of the table of snapshots.
type snapshot struct {
	At          value
	Total       string
	Change      string // since the one before; empty for the first
	Fell        bool   // the total did
	Stars, Size value
}

// snapshots are a page of the table.
type snapshots struct {
	Rows         []snapshot
	Range        string
	Newer, Older string // addresses; empty at the ends
}

// readSnapshots is the page that the query asks for, the nearest one where it asks for
// none that there is.
func (h *handler) readSnapshots(ctx context.Context, t *rollup.Trail, query url.Values) (snapshots, error) {
	pages := max(1, (t.Snapshots+pageOfSnapshots-1)/pageOfSnapshots)
	page := 1
	if n, err := strconv.Atoi(query.Get("snapshots")); err == nil {
		page = min(max(n, 1), pages)
	}
	skip := (page - 1) * pageOfSnapshots
	samples, err := h.Snapshots.Latest(ctx, t.Repository, openEnd, skip, pageOfSnapshots+1)
	if err != nil {
		return snapshots{}, err
	}
	s := snapshots{Rows: snapshotRows(samples)}
	s.Range = rangeOfSnapshots(skip+1, skip+len(s.Rows), t.Snapshots)
	if page > 1 {
		s.Newer = but(query, "snapshots", strconv.Itoa(page-1), "snapshots")
	}
	if page < pages {
		s.Older = but(query, "snapshots", strconv.Itoa(page+1), "snapshots")
	}
	return s, nil
}

// snapshotRows leaves out the one beyond the page, which tells the change of the last.
func snapshotRows(samples []history.Sample) []snapshot {
	rows := make([]snapshot, min(len(samples), pageOfSnapshots))
	for i := range rows {
		s := &samples[i]
		rows[i] = snapshot{At: clock(s.Timestamp), Total: grouped(s.PullCount), Stars: exact(s.StarCount), Size: size(s.StorageSize)}
		if i+1 < len(samples) {
			change := s.PullCount - samples[i+1].PullCount // neither is negative
			rows[i].Change, rows[i].Fell = signed(change), change < 0
		}
	}
	return rows
}

// exact is a count with all its digits.
func exact(n *int64) value {
	if n == nil {
		return number(nil)
	}
	return value{Short: grouped(*n)}
}

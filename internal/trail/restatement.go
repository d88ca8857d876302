package trail

import "time"

// Restatement is a fall of the total: Docker Hub has counted anew. It is no pulls.
type Restatement struct {
	// At is when the snapshot with the new total was observed.
	At time.Time
	// From and To are the totals before and after.
	From, To int64
}

// Restatements are all of them, in their order.
func (c Curve) Restatements() []Restatement {
	var all []Restatement
	for i := 1; i < len(c.points); i++ {
		if p, q := c.points[i-1], c.points[i]; q.total < p.total {
			all = append(all, Restatement{At: moment(q.at), From: p.total, To: q.total})
		}
	}
	return all
}

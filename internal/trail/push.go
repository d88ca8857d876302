package trail

import "time"

// Push is a push of an image, as last_updated tells of it.
type Push struct {
	// At is when it was, as Docker Hub says.
	At time.Time
	// Seen is when the first snapshot that tells of it was observed.
	Seen time.Time
}

// Pushes are those that came after the first snapshot, in their order. A push is a
// last_updated that is later than all before it, or the first after there was none.
// So one that goes back, or away and comes again, is no push; nor is what the first
// snapshot tells, which was there before. Of several between two snapshots only the
// last can be seen.
func (c Curve) Pushes() []Push {
	var pushes []Push
	var newest *time.Time
	for i, p := range c.points {
		if !later(p.updated, newest) {
			continue
		}
		newest = p.updated
		if i > 0 {
			pushes = append(pushes, Push{At: newest.UTC(), Seen: moment(p.at)})
		}
	}
	return pushes
}

package hub

import (
	"fmt"
	"strings"
	"time"
)

// ParseID is the inverse of ID. Whatever ID would not have written is an error:
// a bare name, another time zone, a digit too many.
func ParseID(id string) (Repository, time.Time, error) {
	name, at, _ := strings.Cut(id, "@")
	slot, err := time.Parse(time.RFC3339Nano, at)
	if namespace, name, found := strings.Cut(name, "/"); err == nil && found {
		r, err := NewRepository(namespace, name)
		if slot = slot.UTC(); err == nil && ID(r, slot) == id {
			return r, slot, nil
		}
	}
	return Repository{}, time.Time{}, fmt.Errorf("%.600q is not the id of a snapshot, such as library/nginx@2026-01-31T01:00:00Z", id)
}

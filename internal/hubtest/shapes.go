package hubtest

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"

	"pulltrail/internal/hub"
)

// shapes is how proper answers look.
type shapes struct {
	etags bool
	step  int
}

// ETags gives answers for single repositories an ETag from now on, or no longer.
// A request whose If-None-Match has it gets 304 without a body.
func (h *Hub) ETags(on bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shapes.etags = on
}

// etag is the same for the same body.
func etag(body []byte) string {
	sum := fnv.New64a()
	_, _ = sum.Write(body) // it never fails
	return fmt.Sprintf(`"%016x"`, sum.Sum64())
}

// unchanged reports whether the caller has what this ETag names.
func unchanged(r *http.Request, etag string) bool {
	for _, has := range strings.Split(r.Header.Get("If-None-Match"), ",") {
		has = strings.TrimPrefix(strings.TrimSpace(has), "W/")
		if has == etag || has == "*" {
			return true
		}
	}
	return false
}

// DriftSteps is how far the schema can drift.
const DriftSteps = 4

// drifts is what each step does: to members that are there, and with members that
// come, behind the others.
var drifts = [DriftSteps]struct {
	edit map[string]json.RawMessage
	add  []hub.Field
}{
	{ // a field comes, another goes
		edit: map[string]json.RawMessage{"is_automated": nil},
		add:  []hub.Field{{Key: "immutable_tags", Value: json.RawMessage(`false`)}},
	},
	{ // the one that came goes again
		edit: map[string]json.RawMessage{"immutable_tags": nil},
		add:  []hub.Field{{Key: "immutable_tags_rules", Value: json.RawMessage(`".*"`)}},
	},
	{ // what nobody has seen before, with digits that a float would lose
		edit: map[string]json.RawMessage{"categories": nil, "source": nil, "repository_type": json.RawMessage(`null`)},
		add:  []hub.Field{{Key: "provenance", Value: json.RawMessage(`{"levels":[1.50,9007199254740993],"by":null}`)}},
	},
	{ // fields that are merely shown change their type
		edit: map[string]json.RawMessage{
			"status": json.RawMessage(`"1"`), "star_count": json.RawMessage(`"37"`),
			"storage_size": json.RawMessage(`null`), "last_updated": json.RawMessage(`null`),
		},
	},
}

// Drift changes the schema of all answers for repositories and of all rows: step 0 is
// none, each of 1 to DriftSteps adds its changes to those before. They add, remove and
// retype fields, but never what identifies a repository or counts its pulls.
func (h *Hub) Drift(step int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.shapes.step = min(max(step, 0), DriftSteps)
}

// drifted is an object in the present schema. What is no object stays as it is.
func (s shapes) drifted(object []byte) []byte {
	if s.step == 0 {
		return object
	}
	if _, err := hub.ParseObject(object); err != nil {
		return object
	}
	for _, drift := range drifts[:s.step] {
		object = add(edit(object, drift.edit), drift.add...)
	}
	return object
}

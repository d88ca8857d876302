package api

import (
	_ "embed"
	"net/http"
	"sync"

	"github.com/goccy/go-yaml"

	"pulltrail/internal/web/reply"
)

// description is OpenAPI 3.1, written by hand.
//
//go:embed openapi.yaml
var description []byte

// descriptionJSON is the same as JSON, which every tool reads.
var descriptionJSON = sync.OnceValues(func() ([]byte, error) { return yaml.YAMLToJSON(description) })

func (h *handler) openAPI(w http.ResponseWriter, r *http.Request) {
	if q := parseQuery(r.URL.RawQuery); q.err != nil {
		writeProblem(w, http.StatusBadRequest, sentence(q.err))
		return
	}
	body, err := descriptionJSON()
	if err != nil {
		h.Log.Error("web: the description of the API cannot be converted", "err", err)
		writeProblem(w, http.StatusInternalServerError, "The description cannot be converted; Pulltrail's log says why.")
		return
	}
	reply.Whole(w, r, typeJSON, body)
}

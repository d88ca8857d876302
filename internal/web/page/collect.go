package page

import (
	"net/http"

	"pulltrail/internal/web/access"
)

// collectPath is the one address that takes a POST.
const collectPath = "/collect"

// collecting has a run begin for those who may act, and leads back to the status page.
// What another site makes a browser send is refused, whoever sits before it.
func (h *handler) collecting() http.Handler {
	origins := http.NewCrossOriginProtection()
	origins.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.problem(w, r, http.StatusForbidden, crossOrigin())
	}))
	return origins.Handler(http.HandlerFunc(h.collect))
}

func (h *handler) collect(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodPost:
		w.Header().Set("Allow", http.MethodPost)
		h.problem(w, r, http.StatusMethodNotAllowed, onlyPost())
	case !access.Of(r.Context()).MayAct:
		h.problem(w, r, http.StatusForbidden, mayNotAct())
	default:
		h.Operations.Collect()
		http.Redirect(w, r, "/status", http.StatusSeeOther)
	}
}

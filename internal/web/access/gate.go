package access

import (
	"net/http"
	"time"

	"pulltrail/internal/loginlimit"
)

// loginPath asks for credentials wherever there is a user.
const loginPath = "/login"

// gate lets requests through to next.
type gate struct {
	Options
	login   *login // nil without a user
	origins *http.CrossOriginProtection
	next    http.Handler
}

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if g.login != nil {
		w.Header().Add("Vary", "Authorization")
	}
	if err := g.origins.Check(r); err != nil {
		refusal{status: http.StatusForbidden, detail: "Another site has asked for this; only Pulltrail's own pages may."}.write(w, r)
		return
	}
	visitor, refused := g.visitor(r)
	switch {
	case refused != nil:
		refused.write(w, r)
	case g.login != nil && r.URL.Path == loginPath:
		signIn(w, r, visitor)
	case !reading(r) && !visitor.MayAct:
		refusal{status: http.StatusForbidden, detail: "This server can only be read, unless a user has signed in."}.write(w, r)
	default:
		g.next.ServeHTTP(w, r.WithContext(With(r.Context(), visitor)))
	}
}

func reading(r *http.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead }

// healthCheck reports whether a request is one that supervisors send, who know no
// password.
func healthCheck(r *http.Request) bool {
	return reading(r) && (r.URL.Path == "/-/healthy" || r.URL.Path == "/-/ready")
}

// visitor is who sends r, or why r is refused. Without a user credentials are not looked
// at: they may be meant for a proxy that has passed them on.
func (g *gate) visitor(r *http.Request) (Visitor, *refusal) {
	switch {
	case g.login == nil:
		return Visitor{MayRead: true, MayAct: g.Loopback && !g.Public}, nil
	case r.Header.Get("Authorization") != "":
		return g.authenticate(r)
	case g.Public:
		return Visitor{MayRead: true}, nil
	case healthCheck(r):
		return Visitor{}, nil
	}
	return Visitor{}, &unauthorized
}

func (g *gate) authenticate(r *http.Request) (Visitor, *refusal) {
	name, password, ok := r.BasicAuth()
	if !ok {
		return Visitor{}, &unauthorized
	}
	right, wait, err := g.login.check(r.Context(), loginlimit.Network(r.RemoteAddr), name, password)
	switch {
	case err != nil: // the reader has gone
		return Visitor{}, &refusal{status: http.StatusServiceUnavailable, detail: "The request was given up."}
	case wait > 0:
		return Visitor{}, &refusal{
			status: http.StatusTooManyRequests, wait: wait.Truncate(time.Second) + time.Second,
			detail: "Too many logins have failed. Wait, then try again.",
		}
	case !right:
		return Visitor{}, &unauthorized
	}
	return Visitor{Name: name, Authenticated: true, MayRead: true, MayAct: true}, nil
}

// signIn asks until the visitor has said who it is.
func signIn(w http.ResponseWriter, r *http.Request, v Visitor) {
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case !v.Authenticated:
		unauthorized.write(w, r)
	case !reading(r):
		w.Header().Set("Allow", "GET, HEAD")
		refusal{status: http.StatusMethodNotAllowed, detail: "Use GET or HEAD to sign in."}.write(w, r)
	default:
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}
}

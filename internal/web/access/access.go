// Package access decides who may see and do what on the web server: see New.
//
// A visitor shows who it is by HTTP Basic authentication with each request; there are
// no sessions. There is one user, or none. What is allowed:
//
//	                         no credentials               right credentials
//	no user, loopback        read, act                    (credentials are not looked at)
//	no user, public          read                         (credentials are not looked at)
//	a user                   nothing but health checks    read, act, private repositories
//	a user, public           read                         read, act, private repositories
//
// To read is GET and HEAD, to act is every other method. Wrong credentials are refused
// everywhere, with 401. A server that others can reach, without a user and not public,
// does not start. Acting that another site's page asks for is refused whoever asks
// (http.CrossOriginProtection); the answers have no CORS headers.
//
// GET /login asks for credentials where there is a user, and leads to the page: on a
// public server nothing else would ask.
//
// At its bounds: passwords are hashed for half as many requests at the same time as
// there are processors, others wait. What was right is remembered, as a keyed sum, until
// it was not used for ten minutes. An address (of IPv6 its /64) has ten failures, and
// another every ten seconds; all together have fifty, and another each second. Beyond
// that nothing is hashed and the answer is 429, also to the right password, unless it is
// remembered. An address that was quiet for two minutes is forgotten.
package access

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"pulltrail/internal/passhash"
	"pulltrail/internal/secret"
)

// Visitor is who sends a request, and what it may. The zero value is a stranger, who may
// know of health and nothing else.
type Visitor struct {
	// Name is the user's; empty for somebody who did not say.
	Name string
	// Authenticated says that the credentials were right: private repositories are shown.
	Authenticated bool
	// MayRead says that all but private repositories is shown.
	MayRead bool
	// MayAct says that a request may change something or set it going.
	MayAct bool
}

type contextKey struct{}

// With is ctx with the visitor that Of gives back.
func With(ctx context.Context, v Visitor) context.Context {
	return context.WithValue(ctx, contextKey{}, v)
}

// Of is the visitor of a request's context; a stranger where nobody has looked.
func Of(ctx context.Context) Visitor {
	v, _ := ctx.Value(contextKey{}).(Visitor)
	return v
}

// Config is what is configured of access.
type Config struct {
	// Public lets everybody read.
	Public bool
	// Username and PasswordHash are the user; both are empty where there is none.
	Username     string
	PasswordHash secret.String
}

// Options are what New needs.
type Options struct {
	Config
	// Loopback says that only this machine can reach the server.
	Loopback bool
	Log      *slog.Logger
}

// New makes what goes around the handler of everything: it refuses what is not allowed,
// and puts the Visitor into the context of the rest. The error names the key and the
// remedy.
func New(o Options) (func(http.Handler) http.Handler, error) {
	g := gate{Options: o, origins: http.NewCrossOriginProtection()}
	switch {
	case o.Username == "" && o.PasswordHash.IsSet():
		return nil, errors.New("web.username: a password hash needs a user: name one")
	case o.Username == "" && !o.Loopback && !o.Public:
		return nil, errors.New("web.listen: others can reach this address: write web.username and web.password_hash, or web.public: true to let everybody read")
	case o.Username != "":
		hash, err := passhash.Parse(o.PasswordHash.Reveal())
		if err != nil {
			return nil, fmt.Errorf("web.password_hash: %w: write what pulltrail hash-password prints", err)
		}
		g.login = newLogin(o.Username, hash, o.Log)
	}
	return func(next http.Handler) http.Handler {
		g := g
		g.next = next
		return &g
	}, nil
}

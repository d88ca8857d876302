package hubtest

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	defaultTokenLife = 10 * time.Minute
	lockAfter        = 5                // failed logins in a row
	lockFor          = 10 * time.Minute // from the last of them
	maxLoginBody     = 64 << 10         // bytes
)

// accounts is who may log in, and who has.
type accounts struct {
	users    map[string]*account // by identifier
	failures map[string]failures // by identifier, be there such a user or not
	sessions map[string]session  // by token
	life     time.Duration
	attempts int
	failed   int
	issued   int
}

// account is one user or organisation. The nil account is a caller without a login.
type account struct {
	identifier string
	secret     string
	namespaces map[string]bool
}

// failures is what keeps an identifier from logging in.
type failures struct {
	inRow  int
	locked time.Time // when it ends
}

// session is a login that has succeeded.
type session struct {
	account *account
	ends    time.Time
}

func newAccounts() accounts {
	return accounts{
		users: map[string]*account{}, failures: map[string]failures{}, sessions: map[string]session{},
		life: defaultTokenLife,
	}
}

// owns reports whether private repositories of a namespace are shown to a caller.
func (a *account) owns(namespace string) bool { return a != nil && a.namespaces[namespace] }

// AddUser lets somebody log in: with a password, a personal access token, or as an
// organisation with an organisation access token. The account owns the namespace of
// its identifier and these.
func (h *Hub) AddUser(identifier, secret string, namespaces ...string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := &account{identifier: identifier, secret: secret, namespaces: map[string]bool{}}
	for _, namespace := range append([]string{identifier}, namespaces...) {
		a.namespaces[namespace] = true
		h.catalog.known[namespace] = true
	}
	h.accounts.users[identifier] = a
}

// TokenLife is how long tokens live that are issued from now on: ten minutes, unless
// it was called. Their claim "exp" is in whole seconds, rounded down.
func (h *Hub) TokenLife(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.accounts.life = d
}

// RevokeTokens ends all tokens before their time.
func (h *Hub) RevokeTokens() {
	h.mu.Lock()
	defer h.mu.Unlock()
	clear(h.accounts.sessions)
}

// Logins is how many logins were tried, those that failed included.
func (h *Hub) Logins() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.accounts.attempts
}

// FailedLogins is how many of them had a wrong secret, a locked account, or no form.
func (h *Hub) FailedLogins() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.accounts.failed
}

// Locked reports whether an account is: after five failures in a row, for ten minutes.
func (h *Hub) Locked(identifier string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.accounts.locked(identifier, time.Now())
}

func (a *accounts) locked(identifier string, now time.Time) bool {
	return now.Before(a.failures[identifier].locked)
}

// login answers with a token.
func (h *Hub) login(w http.ResponseWriter, r *http.Request) {
	var form struct{ Identifier, Secret string }
	err := json.NewDecoder(io.LimitReader(r.Body, maxLoginBody)).Decode(&form)
	h.mu.Lock()
	status, body := http.StatusBadRequest, `{"detail":"identifier and secret are required"}`
	if err == nil && form.Identifier != "" && form.Secret != "" {
		status, body = h.accounts.login(form.Identifier, form.Secret, time.Now())
	}
	h.accounts.attempts++
	if status != http.StatusOK {
		h.accounts.failed++
	}
	fault := h.faults.login
	h.mu.Unlock()
	proper{status: status}.play(w, r, []byte(body), fault)
}

// login is the answer to one attempt. A locked account stays so for its time, whatever
// is tried meanwhile.
func (a *accounts) login(identifier, secret string, now time.Time) (status int, body string) {
	if a.locked(identifier, now) {
		return http.StatusUnauthorized, `{"detail":"Too many failed login attempts: the account is locked, try again later"}`
	}
	user := a.users[identifier]
	if user == nil || user.secret != secret {
		f := failures{inRow: a.failures[identifier].inRow + 1}
		if f.inRow == lockAfter {
			f = failures{locked: now.Add(lockFor)}
		}
		a.failures[identifier] = f
		return http.StatusUnauthorized, incorrectCredentials
	}
	delete(a.failures, identifier)
	return http.StatusOK, `{"access_token":` + strconv.Quote(a.issue(user, now)) + `}`
}

// issue makes a token: a JWT with a signature that nobody can verify.
func (a *accounts) issue(user *account, now time.Time) string {
	a.issued++
	ends := time.Unix(now.Add(a.life).Unix(), 0)
	claims, err := json.Marshal(map[string]any{
		"exp": ends.Unix(), "iat": now.Unix(), "jti": strconv.Itoa(a.issued), "sub": user.identifier,
	})
	if err != nil {
		panic(err) // numbers and strings can always be encoded
	}
	signed := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + base64.RawURLEncoding.EncodeToString(claims)
	signature := sha256.Sum256([]byte(signed))
	token := signed + "." + base64.RawURLEncoding.EncodeToString(signature[:])
	a.sessions[token] = session{user, ends}
	return token
}

// authenticate finds out who sends a request. It is not ok with a token that is none,
// or one that has expired.
func (a *accounts) authenticate(r *http.Request, now time.Time) (by *account, ok bool) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return nil, true
	}
	scheme, token, _ := strings.Cut(header, " ")
	s, found := a.sessions[token]
	if !found || !now.Before(s.ends) || !strings.EqualFold(scheme, "Bearer") && !strings.EqualFold(scheme, "JWT") {
		return nil, false
	}
	return s.account, true
}

// callerKey is where the context of a request has the account that sends it.
type callerKey struct{}

func withCaller(r *http.Request, a *account) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), callerKey{}, a))
}

// caller is who sends a request; nil without a login.
func caller(r *http.Request) *account {
	a, _ := r.Context().Value(callerKey{}).(*account)
	return a
}

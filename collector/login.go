package collector

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"pulltrail/internal/secret"
)

const (
	// maxRefusals is how many logins in a row may be refused: after a few more Docker
	// Hub locks the account for ten minutes.
	maxRefusals = 2
	// renewBefore is how long before its end a token is renewed.
	renewBefore = time.Minute
	// tokenLife serves where a token does not say when it ends.
	tokenLife = 5 * time.Minute
)

// errLocked says that no further login is tried.
var errLocked = errors.New("Docker Hub has refused user and password twice, and no further login is tried, because an account is locked after a few more: " + //nolint:staticcheck // a name
	"mend collector.username and collector.password (with two-factor authentication: an access token in place of the password), then start again")

// login keeps a token for Docker Hub. Without an identifier it gives none.
type login struct {
	identifier string
	secret     secret.String
	asking     chan struct{} // holds the one who fetches a token

	mu       sync.Mutex
	token    string
	ends     time.Time
	refusals int   // in a row
	refused  error // why the last login was refused; nil when it was not
}

func newLogin(identifier string, password secret.String) *login {
	return &login{identifier: identifier, secret: password, asking: make(chan struct{}, 1)}
}

// bearer is a token that is good for a while, and empty where there is no login, or
// where it is refused: then everybody's rights must do. The error is a failure that may
// pass.
func (l *login) bearer(ctx context.Context, ask func(ctx context.Context, body []byte) (status int, answer []byte, err error)) (string, error) {
	if l.identifier == "" {
		return "", nil
	}
	select {
	case l.asking <- struct{}{}:
		defer func() { <-l.asking }()
	case <-ctx.Done():
		return "", &failure{Cancelled, ended(ctx)}
	}
	if token, ok := l.current(); ok {
		return token, nil
	}
	body, err := json.Marshal(map[string]string{"identifier": l.identifier, "secret": l.secret.Reveal()})
	if err != nil {
		return "", err
	}
	status, answer, err := ask(ctx, body)
	switch {
	case err != nil:
		return "", err
	case status == http.StatusUnauthorized:
		l.refuse()
		return "", nil
	case status == http.StatusNotFound: // of the login, and of no repository
		return "", fail(UnexpectedStatus, "the login was answered 404: set collector.url to where the API is; %s", quote(answer))
	case status != http.StatusOK:
		return "", refused(status, "", answer)
	}
	var granted struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal(answer, &granted); err != nil || granted.Token == "" {
		return "", fail(NotJSON, "the login was answered without a token")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token, l.ends, l.refused = granted.Token, expiry(granted.Token, time.Now()), nil
	return l.token, nil
}

// current is the token that is at hand, or none where no login is tried; false when one
// is to be fetched.
func (l *login) current() (token string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.token != "" && time.Now().Before(l.ends.Add(-renewBefore)) {
		return l.token, true
	}
	return "", l.refused != nil
}

func (l *login) refuse() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.token = ""
	l.refusals++
	l.refused = fmt.Errorf("Docker Hub refuses the login of %q (401): check collector.username and collector.password; "+ //nolint:staticcheck // a name
		"with two-factor authentication it takes an access token in place of the password. Only public repositories are seen meanwhile", l.identifier)
	if l.refusals >= maxRefusals {
		l.refused = errLocked
	}
}

// reject takes note that a token was not accepted. A fresh one is asked for once; a
// second rejection in a row counts as a refused login.
func (l *login) reject(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if token == "" || token != l.token {
		return // somebody has renewed it meanwhile
	}
	l.token = ""
	if l.refusals++; l.refusals >= maxRefusals {
		l.refused = errLocked
	}
}

// accept takes note that a token was accepted.
func (l *login) accept(token string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if token != "" && token == l.token {
		l.refusals = 0
	}
}

// again allows one more try where the last one was refused, but not where that is over.
// A run begins with it.
func (l *login) again() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refusals < maxRefusals {
		l.refused = nil
	}
}

// state is why there is no login though one is configured; nil when all is well.
func (l *login) state() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.refused
}

// expiry is when a JSON Web Token ends, by its claim exp.
func expiry(token string, now time.Time) time.Time {
	fallback := now.Add(tokenLife)
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return fallback
	}
	claims, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(parts[1], "="))
	if err != nil {
		return fallback
	}
	var said struct {
		Exp json.Number `json:"exp"`
	}
	d := json.NewDecoder(bytes.NewReader(claims))
	d.UseNumber()
	if err := d.Decode(&said); err != nil {
		return fallback
	}
	seconds, err := said.Exp.Float64()
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return fallback
	}
	return time.Unix(int64(seconds), 0)
}

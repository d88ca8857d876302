package access

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"log/slog"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"pulltrail/internal/loginlimit"
	"pulltrail/internal/passhash"
)

// memory is how long credentials that were right stay known after their last use.
const memory = 10 * time.Minute

// login knows the one user. It is safe for concurrent use.
type login struct {
	name   string
	hash   passhash.Hash
	key    []byte // of the sums, made anew by each process
	limits *loginlimit.Limits
	turns  chan struct{} // bounds how many passwords are hashed at the same time

	mu    sync.Mutex
	known []byte    // the sum of the credentials that were right last
	until time.Time // when they are forgotten
}

func newLogin(name string, h passhash.Hash, log *slog.Logger) *login {
	return &login{
		name: name, hash: h, key: []byte(rand.Text()), limits: loginlimit.New("web", log),
		turns: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)/2)),
	}
}

// check reports whether credentials are right. Where that is not looked at, because too
// many were wrong, wait says for how long. The error is that of ctx.
func (l *login) check(ctx context.Context, from netip.Prefix, name, password string) (right bool, wait time.Duration, err error) {
	credentials := l.sum(name + ":" + password) // a name has no colon
	if l.remembers(credentials) {
		return true, 0, nil
	}
	if wait := l.limits.Wait(from); wait > 0 {
		return false, wait, nil
	}
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
	case <-ctx.Done():
		return false, 0, ctx.Err()
	}
	// Once more: those that had their turn before may have settled it.
	if l.remembers(credentials) {
		return true, 0, nil
	}
	if wait := l.limits.Wait(from); wait > 0 {
		return false, wait, nil
	}
	// The hash is computed for any name, or the time would tell which one exists.
	matches := l.hash.Matches(password)
	if !hmac.Equal(l.sum(name), l.sum(l.name)) || !matches {
		l.limits.Failed(from)
		return false, 0, nil
	}
	l.remember(credentials)
	return true, 0, nil
}

// sum stands for text in memory. All sums have the same length, so that comparing them
// tells nothing.
func (l *login) sum(text string) []byte {
	mac := hmac.New(sha256.New, l.key)
	mac.Write([]byte(text))
	return mac.Sum(nil)
}

func (l *login) remembers(credentials []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := time.Now()
	if !now.Before(l.until) || !hmac.Equal(l.known, credentials) {
		return false
	}
	l.until = now.Add(memory)
	return true
}

func (l *login) remember(credentials []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.known, l.until = credentials, time.Now().Add(memory)
}

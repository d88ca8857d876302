package hubtest

import (
	"net/http"
	"strconv"
	"time"
)

const (
	anonymousLimit = 180 // requests a minute for an address without a login
	loginLimit     = 600 // requests a minute for a login
	loginFactor    = 4   // how much higher a login's limit is, unless LoginLimit says
	minute         = time.Minute
)

// RetryForm is how a 429 says when to come back.
type RetryForm int

// The forms of Retry-After. Docker Hub has sent the first two.
const (
	Seconds  RetryForm = iota // the seconds until the window ends
	Epoch                     // when it ends, in seconds since 1970
	HTTPDate                  // when it ends, as a date
	Absent                    // not at all
	Absurd                    // a year, in seconds
)

// limits is how much is let through.
type limits struct {
	perMinute, loginPerMinute, perSecond int // 0 is any number
	form                                 RetryForm
	windows                              map[string]*window // by identifier; "" is everybody without a login
	edge                                 window
	refused                              int
}

// Limit enforces a limit: this many requests in a window of one minute, which begins
// with its first request. All callers without a login share it, those that are just
// logging in and those with a token that is none included; each login has four times
// as much of its own. Beyond it the answer is 429. 0 enforces nothing again.
func (h *Hub) Limit(perMinute int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.limits.perMinute, h.limits.loginPerMinute = perMinute, perMinute*loginFactor
	clear(h.limits.windows)
}

// LoginLimit is the limit of each login in requests a minute, after Limit.
func (h *Hub) LoginLimit(perMinute int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.limits.loginPerMinute = perMinute
}

// RetryAfter is the form in which the 429 of an enforced Limit says when to come back.
func (h *Hub) RetryAfter(form RetryForm) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.limits.form = form
}

// EdgeLimit enforces the limiter before the API: this many requests in a window of one
// second, of all callers together. Beyond it the answer is a 429 in plain text, which
// asks for a pause of 60 seconds but does not insist on it. 0 ends that.
func (h *Hub) EdgeLimit(perSecond int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.limits.perSecond, h.limits.edge = perSecond, window{}
}

// Refused is how many requests the limits have refused.
func (h *Hub) Refused() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.limits.refused
}

// window counts the requests since its start.
type window struct {
	start time.Time
	used  int
}

// take counts one more at now, in a new window where this one has ended.
func (w *window) take(now time.Time, length time.Duration) {
	if now.Before(w.start) || now.Sub(w.start) >= length {
		*w = window{start: now}
	}
	w.used++
}

// admission is what becomes of a request before it is answered.
type admission struct {
	edge     bool // the edge limiter refuses it
	badToken bool
	caller   *account
	quota    quota
}

// admit lets a request through, or not.
func (h *Hub) admit(r *http.Request) admission {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := time.Now()
	if l := &h.limits; l.perSecond > 0 {
		if l.edge.take(now, time.Second); l.edge.used > l.perSecond {
			l.refused++
			return admission{edge: true}
		}
	}
	by, ok := h.accounts.authenticate(r, now)
	// A login needs none: a token that has expired must not keep its owner from it.
	badToken := !ok && r.URL.Path != "/v2/auth/token"
	return admission{badToken: badToken, caller: by, quota: h.quota(by, now)}
}

// quota is what a caller has left.
type quota struct {
	limit, remaining int
	now, reset       time.Time
	exceeded         bool
	form             RetryForm
}

// quota counts one more request of a caller.
func (h *Hub) quota(by *account, now time.Time) quota {
	identifier, limit, enforced := "", anonymousLimit, h.limits.perMinute
	if by != nil {
		identifier, limit, enforced = by.identifier, loginLimit, h.limits.loginPerMinute
	}
	if enforced == 0 {
		return quota{limit: limit, remaining: max(0, limit-h.traffic.total), reset: now.Add(minute)}
	}
	w := h.limits.windows[identifier]
	if w == nil {
		w = &window{}
		h.limits.windows[identifier] = w
	}
	w.take(now, minute)
	q := quota{
		limit: enforced, remaining: max(0, enforced-w.used), now: now, reset: w.start.Add(minute),
		exceeded: w.used > enforced, form: h.limits.form,
	}
	if q.exceeded {
		h.limits.refused++
	}
	return q
}

// show puts the quota into the header of an answer.
func (q quota) show(header http.Header) {
	header.Set("x-ratelimit-limit", strconv.Itoa(q.limit))
	header.Set("x-ratelimit-remaining", strconv.Itoa(q.remaining))
	header.Set("x-ratelimit-reset", strconv.FormatInt(roundUp(q.reset).Unix(), 10))
}

// refuse answers a request beyond the quota.
func (q quota) refuse(w http.ResponseWriter) {
	switch reset := roundUp(q.reset); q.form {
	case Epoch:
		w.Header().Set("Retry-After", strconv.FormatInt(reset.Unix(), 10))
	case HTTPDate:
		w.Header().Set("Retry-After", reset.UTC().Format(http.TimeFormat))
	case Absurd:
		w.Header().Set("Retry-After", strconv.Itoa(365*24*3600))
	case Seconds:
		seconds := (q.reset.Sub(q.now) + time.Second - 1) / time.Second
		w.Header().Set("Retry-After", strconv.Itoa(int(seconds)))
	case Absent:
	}
	answer(w, http.StatusTooManyRequests, rateLimitExceeded)
}

// roundUp is the first whole second that is not before t.
func roundUp(t time.Time) time.Time {
	if whole := t.Truncate(time.Second); whole.Before(t) {
		return whole.Add(time.Second)
	}
	return t
}

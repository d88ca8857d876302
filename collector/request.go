package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"time"
)

// The pauses between two tries of a request, doubling from one to the other, each half to
// one and a half times as long.
const (
	firstPause = time.Second
	longPause  = time.Minute
)

// passing reports whether a failure may be over when the request is tried again.
func passing(c Cause) bool {
	switch c {
	case RateLimited, ServerError, Timeout, Connection, Empty, NotJSON:
		return true
	}
	return false
}

// get asks for url until read can use the answer, or the failure is one that stays, or
// the tries are used up. Its error always has a cause.
func (r *run) get(ctx context.Context, url, etag string, read func(answer) error) error {
	var last error
	for n := 1; ; n++ {
		a, err := r.try(ctx, url, etag, n)
		if err == nil {
			err = read(a)
		}
		r.observe(err)
		cause := causeOf(err)
		if last != nil && (cause == Cancelled || cause == Budget) {
			return last // says more
		}
		if err == nil || n >= r.tries || !passing(cause) {
			return err
		}
		last = err
		if err := r.beforeAgain(ctx, a, n, cause); err != nil {
			return last
		}
		r.metrics.retries.WithLabelValues(string(cause)).Inc()
	}
}

// beforeAgain waits before try n+1. Where Docker Hub limits us, everybody waits.
func (r *run) beforeAgain(ctx context.Context, a answer, n int, cause Cause) error {
	if cause == RateLimited {
		return nil // the gate is closed
	}
	pause := backoff(n)
	if asked, ok := retryAfter(a.header, time.Now()); ok {
		pause = max(pause, asked)
	}
	return sleepWithin(ctx, pause)
}

// backoff is the pause after try n, from 1.
func backoff(n int) time.Duration {
	d := longPause
	if n < 10 {
		d = min(firstPause<<(n-1), longPause)
	}
	return d/2 + rand.N(d) //nolint:gosec // spreads load, hides nothing
}

// try sends a request once, with the login where there is one; a token that is not
// accepted is renewed. An answer without an error is 200, or 304 to an etag.
func (r *run) try(ctx context.Context, url, etag string, n int) (answer, error) {
	for renewed := false; ; renewed = true {
		token, err := r.login.bearer(ctx, func(ctx context.Context, body []byte) (int, []byte, error) {
			a, err := r.send(ctx, request{method: http.MethodPost, url: r.client.token(), body: body}, n)
			return a.status, a.body, err
		})
		if err != nil {
			return answer{}, err
		}
		a, err := r.send(ctx, request{method: http.MethodGet, url: url, bearer: token, etag: etag}, n)
		switch {
		case err != nil:
			return a, err
		case a.status == http.StatusUnauthorized && token != "":
			r.login.reject(token)
			if !renewed {
				continue
			}
		case token != "":
			r.login.accept(token)
		}
		if a.status == http.StatusOK || a.status == http.StatusNotModified && etag != "" {
			return a, checkClock(a.arrived, a.header.Get("Date"))
		}
		return a, r.explain(a, token)
	}
}

// send sends a request when it is its turn, and takes note of what the answer says of
// limits.
func (r *run) send(ctx context.Context, q request, n int) (answer, error) {
	if err := r.enter(ctx); err != nil {
		return answer{}, err
	}
	started := time.Now()
	a, err := r.client.send(ctx, q)
	r.metrics.duration.Observe(time.Since(started).Seconds())
	if err != nil {
		return a, err
	}
	r.gate.observe(a.header)
	if a.status == http.StatusTooManyRequests {
		pause, ok := retryAfter(a.header, time.Now())
		if !ok {
			pause = backoff(n)
		}
		r.gate.pause(pause)
		r.waits(slog.LevelWarn, "rate-limited by Docker Hub, waiting")
	}
	return a, nil
}

// longWait is a wait for Docker Hub that is worth a line in the log.
const longWait = 10 * time.Second

// waits says, once in a run, that it waits for Docker Hub: so it is known why it takes so long.
func (r *run) waits(level slog.Level, why string) {
	until := r.gate.opens()
	r.limited.Do(func() {
		r.log.Log(context.Background(), level, why, "slot", r.slot, "until", until.UTC().Truncate(time.Second))
	})
}

// enter waits for the turn of a request and takes it from the budget of the run.
func (r *run) enter(ctx context.Context) error {
	if n := r.requests.Add(1); r.budget > 0 && n > int64(r.budget) {
		r.requests.Add(-1)
		return fail(Budget, "the run has used its %d requests (collector.budget); it goes on later", r.budget)
	}
	if time.Until(r.gate.opens()) > longWait {
		r.waits(slog.LevelInfo, "rate limit of Docker Hub used up, waiting for the next window")
	}
	err := r.gate.wait(ctx)
	if err == nil {
		return nil
	}
	r.requests.Add(-1)
	if errors.Is(err, errTooLate) {
		return &failure{Cancelled, err}
	}
	return &failure{Cancelled, ended(ctx)}
}

// explain is the failure that an answer without use is. Where a login is configured and
// refused, absence may be no more than that.
func (r *run) explain(a answer, token string) error {
	err := refused(a.status, a.header.Get("Location"), a.body)
	if refusal := r.login.state(); refusal != nil && token == "" && a.status == http.StatusNotFound {
		return fail(Unauthorized, "answered 404, and the login is refused, without which a private repository is not shown: %w", refusal)
	}
	return err
}

// observe counts a request by what became of it.
func (r *run) observe(err error) {
	outcome := outcomeOK
	if err != nil {
		outcome = string(causeOf(err))
	}
	r.metrics.requests.WithLabelValues(outcome).Inc()
}

// ended is the error of what the end of a run cut off.
func ended(ctx context.Context) error {
	return fmt.Errorf("the run ended first: %w", context.Cause(ctx))
}

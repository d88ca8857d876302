package hubtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func TestLatencyPassesOnTheBubblesClock(t *testing.T) {
	h := NewInProcess(t)
	h.Set("a/b", 1)
	synctest.Test(t, func(t *testing.T) {
		a := ask(t, h)
		h.Latency(2 * time.Second)
		h.Fail("a/b", Slow(3*time.Second))
		start := time.Now()
		if g := a.get("/v2/repositories/a/b"); g.status != http.StatusOK || time.Since(start) != 5*time.Second {
			t.Errorf("%d after %s", g.status, time.Since(start))
		}
		if date := a.get("/").header.Get("Date"); date != time.Now().UTC().Format(http.TimeFormat) {
			t.Errorf("Date %s", date)
		}
	})
}

func TestARequestEndsWithItsContext(t *testing.T) {
	for name, fault := range map[string]Fault{
		"on its way":                  nil,
		"at the Hub":                  Slow(time.Hour),
		"at a Hub that hangs":         Hang,
		"within the body":             HangWithin,
		"in a body that comes slowly": Trickle(1, time.Second),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := NewInProcess(t)
				h.Set("a/b", 1)
				h.Fail("a/b", fault)
				if fault == nil {
					h.Latency(time.Hour)
				}
				a := ask(t, h)
				a.client.Timeout = 10*time.Second + time.Millisecond
				start := time.Now()
				g, err := a.try(http.MethodGet, "/v2/repositories/a/b", "")
				if err = errors.Join(err, g.err); !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != a.client.Timeout {
					t.Errorf("%v after %s", err, time.Since(start))
				}
				synctest.Wait()
				if h.traffic.current != 0 {
					t.Error("the Hub still answers")
				}
			})
		})
	}
}

func TestABodyThatTrickles(t *testing.T) {
	h := NewInProcess(t)
	h.SetBody("a/b", []byte("0123456789"))
	h.Fail("a/b", Trickle(4, time.Second))
	synctest.Test(t, func(t *testing.T) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+"/v2/repositories/a/b", nil)
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		response, err := h.RoundTripper().RoundTrip(request)
		if err != nil || time.Since(start) != 0 {
			t.Fatalf("%v after %s", err, time.Since(start))
		}
		body, err := io.ReadAll(response.Body)
		if string(body) != "0123456789" || err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("%q, %v after %s", body, err, time.Since(start))
		}
		response.Body.Close()
	})
}

func TestBrokenConnectionsWithoutANetwork(t *testing.T) {
	aborted := func(w http.ResponseWriter, _ *http.Request, body []byte) {
		_, _ = w.Write(body)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
	for name, c := range map[string]struct {
		fault Fault
		want  error
	}{
		"reset":            {Reset, syscall.ECONNRESET},
		"truncated":        {Truncated, io.ErrUnexpectedEOF},
		"aborted":          {aborted, io.ErrUnexpectedEOF},
		"complete":         {Well, nil},
		"complete and big": {Huge, nil},
	} {
		t.Run(name, func(t *testing.T) {
			h := NewInProcess(t)
			h.Set("a/b", 1)
			h.Fail("a/b", c.fault)
			g, err := ask(t, h).try(http.MethodGet, "/v2/repositories/a/b", "")
			if err = errors.Join(err, g.err); !errors.Is(err, c.want) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestABodyThatIsClosedEarlyEndsTheAnswer(t *testing.T) {
	h := NewInProcess(t)
	h.Fail("a/b", Huge)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+"/v2/repositories/a/b", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := h.RoundTripper().RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(response.Body, make([]byte, 1000)); err != nil {
		t.Error(err)
	}
	if err := response.Body.Close(); err != nil {
		t.Error(err)
	} // goleak looks for the handler
}

func TestARequestWhoseContextIsDoneIsNotAnswered(t *testing.T) {
	h := NewInProcess(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, h.URL+"/", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.RoundTripper().RoundTrip(request); !errors.Is(err, context.Canceled) || h.Requests() != 0 {
		t.Errorf("%v after %d requests", err, h.Requests())
	}
}

func TestATokenThatFollowsARedirectIsNoticed(t *testing.T) {
	h, other := New(t), New(t)
	h.Fail("a/b", Redirect(other.URL))
	client := &http.Client{CheckRedirect: func(next *http.Request, _ []*http.Request) error {
		next.Header.Set("Authorization", "Bearer x") // as no client should
		return nil
	}}
	defer client.CloseIdleConnections()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+"/v2/repositories/a/b?page=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if h.Tokens() != 0 || other.Tokens() != 1 || response.Request.URL.RawQuery != "page=1" {
		t.Errorf("%d and %d tokens, at %s", h.Tokens(), other.Tokens(), response.Request.URL)
	}
}

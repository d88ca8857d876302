package app_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"pulltrail/app"
	"pulltrail/internal/hubtest"
)

func TestTheWatchProbesHistoryWhileThePageIsServed(t *testing.T) {
	cfg := settings(t, hubtest.New(t))
	ctx, cancel := context.WithCancel(t.Context())
	var page app.Addresses
	err := app.Run(ctx, cfg, app.Options{
		Log:   testLog(t),
		Ready: func(a app.Addresses) { page = a },
		Watch: func(ctx context.Context, probe func(context.Context) error) error {
			response, err := http.Get("http://" + page.Web + "/-/healthy")
			if err != nil {
				return err
			}
			cancel() // the daemon may stop now
			return errors.Join(response.Body.Close(), probe(context.WithoutCancel(ctx)))
		},
	})
	if err != nil {
		t.Error(err)
	}
}

func TestADaemonWhoseWatchFailsEnds(t *testing.T) {
	err := app.Run(t.Context(), settings(t, hubtest.New(t)), app.Options{
		Log:   testLog(t),
		Watch: func(context.Context, func(context.Context) error) error { return errors.New("nobody listens") },
	})
	if err == nil || !strings.Contains(err.Error(), "watch: nobody listens") {
		t.Errorf("got %v", err)
	}
}

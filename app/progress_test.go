package app

import (
	"testing"
	"time"

	"pulltrail/indexer"
)

func TestTheProgressOfASinkInWords(t *testing.T) {
	for want, s := range map[string]indexer.State{
		"nothing waits": {Position: 7, Head: 7},
		"nothing waits; 2 dead letters since the start":                          {Position: 7, Head: 7, Refused: 2},
		"1 entry behind, for 0s":                                                 {Position: 7, Head: 8, Lag: 999 * time.Millisecond},
		"120 entries behind, the oldest for 12s":                                 {Position: 7, Head: 127, Lag: 12900 * time.Millisecond},
		"2 entries behind, the oldest for 3h0m1s; 1 dead letter since the start": {Head: 2, Lag: 3*time.Hour + time.Second, Refused: 1},
		// The head is not known while the log does not say it.
		"nothing waits; 3 dead letters since the start": {Position: 7, Refused: 3},
	} {
		t.Run(want, func(t *testing.T) {
			if got := progressOf(s); got != want {
				t.Errorf("got %q", got)
			}
		})
	}
}

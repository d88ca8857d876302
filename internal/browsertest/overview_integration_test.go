//go:build integration

package browsertest

import "testing"

func TestTheOverview(t *testing.T) {
	p := open(t, twoYears(t), desktop)
	p.visit("/")
	p.shot("light")
	p.axe()
}

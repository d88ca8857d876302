package cli

import (
	"bytes"
	"testing"

	"pulltrail/internal/transfer"
)

func TestWithoutATerminalThereIsALineNowAndThen(t *testing.T) {
	var out bytes.Buffer
	m := newMeter(&out, false)
	m.show(transfer.Progress{Done: 1, Total: 5}) // too soon
	m.every = 0
	m.show(transfer.Progress{Done: 12_000, Total: 40_000})
	m.show(transfer.Progress{Done: 4096, Total: -1, Bytes: true})
	m.clear()
	if want := "pulltrail: 12,000 of 40,000 documents\npulltrail: 4,096 bytes\n"; out.String() != want {
		t.Errorf("%q", out.String())
	}
	out.Reset()
	quiet := newMeter(&out, true)
	quiet.every = 0
	quiet.show(transfer.Progress{Done: 1, Total: 5})
	if out.Len() > 0 {
		t.Errorf("%q although it is to be quiet", out.String())
	}
}

func TestOnATerminalThereIsABar(t *testing.T) {
	var out bytes.Buffer
	m := &meter{w: &out, isTerm: true}
	for done := int64(0); done <= 40; done += 10 {
		m.show(transfer.Progress{Done: done, Total: 40 + done%20}) // the total may change
	}
	m.clear()
	if !bytes.Contains(out.Bytes(), []byte("%")) || !bytes.Contains(out.Bytes(), []byte("\r")) {
		t.Errorf("%q", out.String())
	}
	out.Reset()
	m = &meter{w: &out, isTerm: true}
	m.show(transfer.Progress{Done: 4096, Total: -1, Bytes: true})
	m.clear()
	if !bytes.Contains(out.Bytes(), []byte("kB")) {
		t.Errorf("%q", out.String())
	}
}

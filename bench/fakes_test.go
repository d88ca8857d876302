package main

import (
	"bufio"
	"bytes"
	"io"
	"testing"
)

// scripted is a connection that has received some bytes and then ends.
func scripted(t *testing.T, sent io.Writer, received []byte) *wire {
	t.Helper()
	return &wire{in: bufio.NewReader(bytes.NewReader(received)), out: bufio.NewWriter(sent)}
}

package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestNothingPassesAGateBeforeItIsOpened(t *testing.T) {
	passed := make(chan struct{}, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		passed <- struct{}{}
		_, _ = io.WriteString(w, "hello")
	}))
	defer server.Close()
	g, err := newGate(t.Context(), server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", g.addr()) // is taken while the gate is closed
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if len(passed) > 0 {
		t.Error("the server was reached through a closed gate")
	}
	g.open()
	answer, err := io.ReadAll(conn)
	if err != nil || len(answer) < 5 || string(answer[len(answer)-5:]) != "hello" {
		t.Errorf("got %q, %v", answer, err)
	}
	if err := g.close(); err != nil {
		t.Error(err)
	}
}

func TestAClosedGateCanBeTakenAway(t *testing.T) {
	g, err := newGate(t.Context(), "127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", g.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := g.close(); err != nil {
		t.Error(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("the connection stands although the gate is gone")
	}
}

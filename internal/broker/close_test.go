package broker

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"testing"
	"testing/synctest"
	"time"
)

// Many of them would be waited for one after the other, 5 s each.
func TestNoGoodbyeIsWaitedForThatTLSSays(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{SerialNumber: big.NewInt(1)}, &x509.Certificate{}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		deaf := tls.Client(far, &tls.Config{InsecureSkipVerify: true})
		go func() { _ = deaf.Handshake() }() // fails where the other side does
		served := tls.Server(near, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, SessionTicketsDisabled: true})
		if err := served.Handshake(); err != nil {
			t.Fatal(err)
		}
		l := newListener("tls", nil, nil, nil)
		l.add(served)
		begun := time.Now()
		l.cut()
		if took := time.Since(begun); took > 0 {
			t.Errorf("it has taken %v", took)
		}
	})
}

// Whoever came in by the other address could hold up what is waited for.
func TestNobodyComesInAnywhereWhileConnectionsEnd(t *testing.T) {
	b, err := New(Options{Listen: "127.0.0.1:0", Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	if err := b.listen("other", "127.0.0.1:0", &tls.Config{}); err != nil {
		t.Fatal(err)
	}
	for _, l := range b.listeners {
		l.running.Add(1) // goes on
	}
	closed, over := make(chan error, 1), make(chan error, len(b.listeners))
	go func() { closed <- b.Close() }()
	for _, l := range b.listeners {
		go func() {
			_, err := l.Accept()
			over <- err
		}()
	}
	late := time.After(20 * time.Second)
	for range b.listeners {
		select {
		case err := <-over:
			if !errors.Is(err, net.ErrClosed) {
				t.Error(err)
			}
		case <-late:
			t.Error("one is listened on")
		}
	}
	for _, l := range b.listeners {
		l.running.Done()
	}
	if err := <-closed; err != nil {
		t.Error(err)
	}
}

package broker_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/eclipse/paho.golang/packets"
	"github.com/eclipse/paho.golang/paho"

	"pulltrail/internal/broker"
	"pulltrail/internal/passhash"
)

const refused = packets.ConnackBadUsernameOrPassword

// attempt connects with credentials and gives the broker's code.
func attempt(t *testing.T, c net.Conn, id, username, password string) byte {
	t.Helper()
	client := paho.NewClient(paho.ClientConfig{PacketTimeout: patience, Conn: c})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ack, err := client.Connect(ctx, &paho.Connect{
		ClientID: id, KeepAlive: 30, CleanStart: true,
		Username: username, UsernameFlag: username != "", Password: []byte(password), PasswordFlag: password != "",
	})
	if ack == nil {
		t.Fatal(err)
	}
	if err == nil {
		disconnect(client)
	}
	return ack.ReasonCode
}

func dialTo(t *testing.T, a net.Addr) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", a.String())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func withUsers(t *testing.T) broker.Options {
	t.Helper()
	o := anybody()
	o.ClientID = "pulltrail"
	o.Users = map[string]string{"home": passhash.Make("correct horse"), "attic": passhash.Make("battery staple")}
	return o
}

func TestOnlyUsersComeIn(t *testing.T) {
	b := startWith(t, withUsers(t))
	own, secret := b.Credentials()
	for _, c := range []struct {
		name, id, username, password string
		in                           bool
	}{
		{"a user", "x", "home", "correct horse", true},
		{"the user once more", "x", "home", "correct horse", true},
		{"the other user", "x", "attic", "battery staple", true},
		{"nobody", "x", "", "", false},
		{"a user without a password", "x", "home", "", false},
		{"a user with another's password", "x", "home", "battery staple", false},
		{"an unknown user", "x", "cellar", "correct horse", false},
		{"a user who is called as the process", "x", own, "correct horse", false},
		{"the process", "pulltrail", own, secret.Reveal(), true},
		{"a user with the process's id", "pulltrail", "home", "correct horse", false},
		{"a user with an id of its publisher", "pulltrail-publisher", "home", "correct horse", false},
		{"a user with an id that looks like it", "pulltrails", "home", "correct horse", true},
		{"a user with the process's password", "x", "home", secret.Reveal(), false},
	} {
		code := attempt(t, dialTo(t, b.Addr()), c.id, c.username, c.password)
		if c.in && code != 0 || !c.in && code != refused {
			t.Errorf("%s: code 0x%02X", c.name, code)
		}
	}
}

func TestManyComeInAtTheSameTime(t *testing.T) {
	b := startWith(t, withUsers(t))
	var all sync.WaitGroup
	for n := range 20 {
		c := dialTo(t, b.Addr())
		all.Go(func() {
			name, password, want := "home", "correct horse", byte(0)
			if n%2 == 0 {
				password, want = "wrong", refused
			}
			if code := attempt(t, c, strings.Repeat("x", n+1), name, password); code != want {
				t.Errorf("client %d: code 0x%02X", n, code)
			}
		})
	}
	all.Wait()
}

func TestAHashThatCannotBeReadIsAnErrorWithItsUser(t *testing.T) {
	o := anybody()
	o.Users = map[string]string{"home": "hunter2"}
	_, err := broker.New(o)
	if err == nil || !strings.Contains(err.Error(), `"home"`) || !strings.Contains(err.Error(), "hash-password") || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("New = %v", err)
	}
}

// certificate makes one for 127.0.0.1, signed by itself, and a client's configuration.
func certificate(t *testing.T) (certFile, keyFile string, trusting *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certFile, keyFile = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for file, content := range map[string][]byte{certFile: public, keyFile: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(public)
	return certFile, keyFile, &tls.Config{RootCAs: pool}
}

func TestConnectionsAreEncryptedWhereThatIsAskedFor(t *testing.T) {
	o := withUsers(t)
	var trusting *tls.Config
	o.TLS.Listen = "127.0.0.1:0"
	o.TLS.CertFile, o.TLS.KeyFile, trusting = certificate(t)
	b := startWith(t, o)
	secure := func() net.Conn {
		c, err := tls.Dial("tcp", b.AddrTLS().String(), trusting)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	if code := attempt(t, secure(), "x", "home", "correct horse"); code != 0 {
		t.Errorf("a user: code 0x%02X", code)
	}
	if code := attempt(t, secure(), "x", "home", "wrong"); code != refused {
		t.Errorf("a wrong password: code 0x%02X", code)
	}
	plain := dialTo(t, b.AddrTLS())
	defer plain.Close()
	if _, err := plain.Write([]byte("\x10\x10\x00\x04MQTT\x05\x02\x00\x1e\x00\x00\x03abc")); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(plain); err == nil && bytes.HasPrefix(got, []byte{0x20}) {
		t.Errorf("without TLS it is answered %x", got)
	}
	if code := attempt(t, dialTo(t, b.Addr()), "x", "home", "correct horse"); code != 0 {
		t.Errorf("on the other address: code 0x%02X", code)
	}
}

func TestClosingEndsClientsOfBothAddresses(t *testing.T) {
	o := anybody()
	var trusting *tls.Config
	o.TLS.Listen = "127.0.0.1:0"
	o.TLS.CertFile, o.TLS.KeyFile, trusting = certificate(t)
	b := create(t, o)
	if err := b.Listen(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Serve(ctx) }()
	secure, err := tls.Dial("tcp", b.AddrTLS().String(), trusting)
	if err != nil {
		t.Fatal(err)
	}
	defer secure.Close()
	connect(t, b, "client")
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	for _, a := range []net.Addr{b.Addr(), b.AddrTLS()} {
		if c, err := net.Dial("tcp", a.String()); err == nil {
			_ = c.Close()
			t.Errorf("%v is listened on", a)
		}
	}
}

func TestACertificateThatCannotBeReadIsAnErrorAndNothingListens(t *testing.T) {
	o := anybody()
	o.TLS = broker.TLS{Listen: "127.0.0.1:0", CertFile: "/no/such", KeyFile: "/no/such"}
	b := create(t, o)
	if err := b.Listen(); err == nil || !strings.Contains(err.Error(), "mqtt.embedded.tls") {
		t.Errorf("Listen = %v", err)
	}
	if c, err := net.Dial("tcp", b.Addr().String()); err == nil {
		_ = c.Close()
		t.Error("it listens without TLS all the same")
	}
	if err := b.Close(); err != nil {
		t.Error(err)
	}
}

func TestAStrangerMayNotSayMuch(t *testing.T) {
	b := start(t)
	for _, announced := range []string{"\x10\xff\xff\xff\x7f", "\x10\x81\x80\x10", "\x10\xff\xff\xff\xff\x7f"} {
		c := dialTo(t, b.Addr())
		for i := range len(announced) { // byte by byte
			if _, err := c.Write([]byte{announced[i]}); err != nil {
				break // it is closed already
			}
		}
		if _, err := io.Copy(io.Discard, c); err != nil && !errors.Is(err, io.EOF) && !strings.Contains(err.Error(), "reset") {
			t.Errorf("%x: %v", announced, err)
		}
		_ = c.Close()
	}
	client, messages, _ := connect(t, b, strings.Repeat("x", 60_000))
	subscribe(t, client, "a")
	publish(t, client, "a", strings.Repeat("x", 1<<20), false)
	receive(t, messages)
}

func TestFailedLoginsAreLimited(t *testing.T) {
	var log lines
	o := withUsers(t)
	o.Log = slog.New(slog.NewTextHandler(&log, nil))
	b := startWith(t, o)
	own, secret := b.Credentials()
	if code := attempt(t, dialTo(t, b.Addr()), "x", "home", "correct horse"); code != 0 {
		t.Fatalf("a user: 0x%02X", code)
	}
	for i := range 10 {
		if code := attempt(t, dialTo(t, b.Addr()), "x", "attic", "hunter2"); code != refused {
			t.Errorf("failure %d: 0x%02X", i, code)
		}
	}
	const later = 0x9F
	for name, c := range map[string]struct {
		id, username, password string
		code                   byte
	}{
		"a wrong password":         {"x", "attic", "hunter2", later},
		"a right one":              {"x", "attic", "battery staple", later},
		"one that is known":        {"x", "home", "correct horse", 0},
		"that of the process":      {"pulltrail", own, secret.Reveal(), 0},
		"another user of the same": {"x", "home", "hunter2", later},
	} {
		if code := attempt(t, dialTo(t, b.Addr()), c.id, c.username, c.password); code != c.code {
			t.Errorf("%s: 0x%02X, want 0x%02X", name, code, c.code)
		}
	}
	if n := strings.Count(log.String(), "logins from one address have failed"); n != 1 || strings.Contains(log.String(), "hunter2") {
		t.Errorf("logged %s", log.String())
	}
}

// lines collects a log.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

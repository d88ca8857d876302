package tlsconf

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"io"
	"log"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// issued is a certificate with its key; by is nil for an authority.
func issued(t *testing.T, serial int64, by *tls.Certificate) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"cluster.example"},
		BasicConstraintsValid: true, IsCA: by == nil,
	}
	parent, signer := template, any(key)
	if by != nil {
		parent, signer = by.Leaf, by.PrivateKey
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}
}

func fingerprint(c tls.Certificate) string {
	digest := sha256.Sum256(c.Leaf.Raw)
	return hex.EncodeToString(digest[:])
}

func TestPin(t *testing.T) {
	authority := issued(t, 1, nil)
	server, other := issued(t, 2, &authority), issued(t, 3, nil)
	chain := tls.Certificate{Certificate: [][]byte{server.Certificate[0], authority.Certificate[0]}, PrivateKey: server.PrivateKey}
	// One that shows the authority's certificate, as anybody could, beside its own.
	impostor := tls.Certificate{Certificate: [][]byte{other.Certificate[0], authority.Certificate[0]}, PrivateKey: other.PrivateKey}
	tests := []struct {
		name              string
		sent              tls.Certificate
		fingerprint, host string
		want              string
	}{
		{"the server's own", chain, fingerprint(server), "", ""},
		{"its authority's", chain, fingerprint(authority), "", ""},
		{"with colons and in upper case", chain, strings.ToUpper(fingerprint(authority)[:2] + ":" + fingerprint(authority)[2:]), "", ""},
		{"with the name that it has", chain, fingerprint(authority), "cluster.example", ""},
		{"its authority's, with another name", chain, fingerprint(authority), "elsewhere.example", "elsewhere.example"},
		{"the server's own, with another name", chain, fingerprint(server), "elsewhere.example", "elsewhere.example"},
		{"another's", chain, fingerprint(other), "", "no certificate that the server sends has the configured fingerprint"},
		{"an authority that has not signed the server's", impostor, fingerprint(authority), "", "unknown authority"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
			s.TLS = &tls.Config{Certificates: []tls.Certificate{tt.sent}} //nolint:gosec // the server of a test
			s.Config.ErrorLog = log.New(io.Discard, "", 0)                // of the handshakes that are meant to fail
			s.StartTLS()
			defer s.Close()
			config, err := Config{ServerName: tt.host}.Build()
			if err != nil {
				t.Fatal(err)
			}
			if err := Pin(config, tt.fingerprint); err != nil {
				t.Fatal(err)
			}
			conn, err := tls.Dial("tcp", s.Listener.Addr().String(), config)
			if err == nil {
				_ = conn.Close()
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestAFingerprintThatIsNone(t *testing.T) {
	for _, text := range []string{"", "ab", strings.Repeat("g", 64), strings.Repeat("a", 66)} {
		if err := CheckFingerprint(text); err == nil {
			t.Errorf("%q is taken for one", text)
		}
		if err := Pin(&tls.Config{}, text); err == nil { //nolint:gosec // never used
			t.Errorf("%q is pinned", text)
		}
	}
}

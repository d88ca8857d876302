package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serve starts a server with TLS, whose certificate names example.com and 127.0.0.1, and
// gives its address and the file of its CA.
func serve(t *testing.T) (address, ca string) {
	t.Helper()
	s := httptest.NewUnstartedServer(nil)
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	ca = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	return s.Listener.Addr().String(), ca
}

func TestWhatIsVerified(t *testing.T) {
	address, ca := serve(t)
	dir := filepath.Dir(ca)
	if err := os.WriteFile(filepath.Join(dir, "README"), []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		Config
		right bool
	}{
		"an unknown CA":                            {Config{}, false},
		"its CA":                                   {Config{CAFile: ca}, true},
		"its CA in a directory":                    {Config{CAFile: dir}, true},
		"another name of its":                      {Config{CAFile: ca, ServerName: "example.com"}, true},
		"another name":                             {Config{CAFile: ca, ServerName: "other.example"}, false},
		"another name, where that is nothing":      {Config{CAFile: ca, ServerName: "other.example", SkipHostnameVerify: true}, true},
		"an unknown CA, where the name is nothing": {Config{SkipHostnameVerify: true}, false},
		"an unknown CA, where nothing is verified": {Config{InsecureSkipVerify: true}, true},
		"an unknown CA, where both are said":       {Config{InsecureSkipVerify: true, SkipHostnameVerify: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			if list := test.Validate(); len(list) > 0 {
				t.Fatal(list)
			}
			config, err := test.Build()
			if err != nil {
				t.Fatal(err)
			}
			c, err := tls.Dial("tcp", address, config)
			if err == nil {
				err = c.Close()
			}
			if (err == nil) != test.right {
				t.Errorf("got %v", err)
			}
			if err != nil && !errors.As(err, new(*tls.CertificateVerificationError)) {
				t.Errorf("%T says nothing of the certificate: %v", err, err)
			}
		})
	}
}

func TestAClientsCertificateIsShown(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprint(w, r.TLS.PeerCertificates[0].Subject.Organization)
	}))
	s.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	s.StartTLS()
	defer s.Close()
	dir := t.TempDir()
	pair := s.TLS.Certificates[0] // any will do
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	c := Config{CAFile: filepath.Join(dir, "cert.pem"), CertFile: filepath.Join(dir, "cert.pem"), KeyFile: filepath.Join(dir, "key.pem")}
	for file, block := range map[string]*pem.Block{
		c.CertFile: {Type: "CERTIFICATE", Bytes: pair.Certificate[0]}, c.KeyFile: {Type: "PRIVATE KEY", Bytes: key},
	} {
		if err := os.WriteFile(file, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	config, err := c.Build()
	if err != nil {
		t.Fatal(err)
	}
	client := http.Client{Transport: &http.Transport{TLSClientConfig: config}}
	defer client.CloseIdleConnections()
	answer, err := client.Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if got, err := io.ReadAll(answer.Body); string(got) != "[Acme Co]" || err != nil {
		t.Errorf("the server sees %s: %v", got, err)
	}
}

func TestACertificateForClientsIsNoneForServers(t *testing.T) {
	// What a server shows must be meant for that: here is one that is not.
	leaf := &x509.Certificate{ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if err := verifyChain(tls.ConnectionState{PeerCertificates: []*x509.Certificate{leaf}}, x509.NewCertPool()); err == nil {
		t.Error("it is taken")
	}
	if err := verifyChain(tls.ConnectionState{}, nil); err == nil {
		t.Error("no certificate is taken")
	}
}

func TestWhatIsNotVerifiedIsSaid(t *testing.T) {
	for want, c := range map[string]Config{
		"":                           {CAFile: "ca.pem", SkipHostnameVerify: true},
		"tls.insecure_skip_verify":   {CAFile: "ca.pem", InsecureSkipVerify: true},
		"tls.skip_hostname_verify":   {SkipHostnameVerify: true},
		"the broker is not verified": {InsecureSkipVerify: true, SkipHostnameVerify: true},
	} {
		got := c.Warning("the broker")
		if (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}

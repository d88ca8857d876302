package tlsconf

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// CheckFingerprint says what is wrong with a fingerprint; see Pin.
func CheckFingerprint(text string) error {
	_, err := parseFingerprint(text)
	return err
}

func parseFingerprint(text string) (digest [sha256.Size]byte, err error) {
	octets, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
	if err != nil || len(octets) != len(digest) {
		return digest, fmt.Errorf("is not a SHA-256 in hexadecimal: write %d digits, with or without colons", 2*len(digest))
	}
	return [sha256.Size]byte(octets), nil
}

// Pin makes a client trust one certificate, known by its fingerprint (the SHA-256 of
// its DER form in hexadecimal), in place of all authorities. It is the server's own, or
// that of an authority that the server sends along: then the authority must have signed
// the server's. Merely sending a certificate proves nothing, as anybody can have it. The
// name in the server's certificate is looked at where config.ServerName is set.
func Pin(config *tls.Config, fingerprint string) error {
	digest, err := parseFingerprint(fingerprint)
	if err != nil {
		return fmt.Errorf("the fingerprint %w", err)
	}
	name := config.ServerName
	config.InsecureSkipVerify = true // VerifyConnection does it, also for a resumed session
	config.VerifyConnection = func(state tls.ConnectionState) error {
		return verifyPinned(state.PeerCertificates, digest, name)
	}
	return nil
}

func verifyPinned(sent []*x509.Certificate, digest [sha256.Size]byte, name string) error {
	server, pinned, others := sent[0], x509.NewCertPool(), x509.NewCertPool()
	found := false
	for _, certificate := range sent {
		if sha256.Sum256(certificate.Raw) == digest {
			pinned.AddCert(certificate)
			found = true
		} else {
			others.AddCert(certificate)
		}
	}
	if !found {
		return errors.New("no certificate that the server sends has the configured fingerprint")
	}
	if sha256.Sum256(server.Raw) == digest {
		if name == "" {
			return nil // it has the key to this very certificate
		}
		return server.VerifyHostname(name)
	}
	_, err := server.Verify(x509.VerifyOptions{Roots: pinned, Intermediates: others, DNSName: name})
	return err
}

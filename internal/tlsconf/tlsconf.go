// Package tlsconf is the TLS section that every connection to a neighbour has.
// Verification is on unless it is switched off by name.
package tlsconf

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"pulltrail/internal/problem"
)

// Config says whom to trust and how to show who we are.
type Config struct {
	// CAFile is a file, or a directory of files, with the PEM certificates to trust
	// instead of the system's.
	CAFile string `koanf:"ca_file"`
	// CertFile and KeyFile are the client certificate, in PEM.
	CertFile string `koanf:"cert_file"`
	KeyFile  string `koanf:"key_file"`
	// ServerName is the name to verify, where it differs from the URL's host.
	ServerName string `koanf:"server_name"`
	// SkipHostnameVerify takes a certificate that names another host, as long as somebody
	// trusted has signed it.
	SkipHostnameVerify bool `koanf:"skip_hostname_verify"`
	// InsecureSkipVerify switches verification off.
	InsecureSkipVerify bool `koanf:"insecure_skip_verify"`
}

// Validate reads the files, so that a mistake is found at start.
func (c Config) Validate() problem.List {
	var list problem.List
	if _, err := c.pool(); err != nil {
		list.Add("ca_file", c.CAFile, "%v; name a PEM file or a directory of PEM files", err)
	}
	if (c.CertFile == "") != (c.KeyFile == "") {
		list.Add("cert_file", c.CertFile, "a client certificate needs both cert_file and key_file")
	} else if _, err := c.certificates(); err != nil {
		list.Add("cert_file", c.CertFile, "%v; name a PEM certificate and its PEM key", err)
	}
	return list
}

// Build makes the configuration of a client.
func (c Config) Build() (*tls.Config, error) {
	pool, err := c.pool()
	if err != nil {
		return nil, err
	}
	certificates, err := c.certificates()
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            pool,
		Certificates:       certificates,
		ServerName:         c.ServerName,
		InsecureSkipVerify: c.InsecureSkipVerify, //nolint:gosec // asked for by name, and said so in a warning
	}
	if c.SkipHostnameVerify && !c.InsecureSkipVerify {
		config.InsecureSkipVerify = true // all but the name is verified next
		config.VerifyConnection = func(s tls.ConnectionState) error { return verifyChain(s, pool) }
	}
	return config, nil
}

// verifyChain verifies what crypto/tls would, but for the name. It is called for resumed
// sessions too.
func verifyChain(s tls.ConnectionState, roots *x509.CertPool) error {
	if len(s.PeerCertificates) == 0 {
		return errors.New("the server shows no certificate")
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool()}
	for _, c := range s.PeerCertificates[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := s.PeerCertificates[0].Verify(o); err != nil {
		return &tls.CertificateVerificationError{UnverifiedCertificates: s.PeerCertificates, Err: err}
	}
	return nil
}

func (c Config) certificates() ([]tls.Certificate, error) {
	if c.CertFile == "" || c.KeyFile == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
	if err != nil {
		return nil, err
	}
	return []tls.Certificate{pair}, nil
}

// pool is nil for the system's certificates.
func (c Config) pool() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	files := []string{c.CAFile}
	info, err := os.Stat(c.CAFile)
	if err != nil {
		return nil, err
	}
	if info.IsDir() {
		if files, err = filepath.Glob(filepath.Join(c.CAFile, "*")); err != nil {
			return nil, err
		}
	}
	pool := x509.NewCertPool()
	found := false
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			if info.IsDir() {
				continue // a directory of certificates may hold others' files
			}
			return nil, err
		}
		found = pool.AppendCertsFromPEM(data) || found
	}
	if !found {
		return nil, errors.New("holds no PEM certificate")
	}
	return pool, nil
}

// Warning is the sentence to log when verification is off, or worth little; empty
// otherwise.
func (c Config) Warning(neighbour string) string {
	switch {
	case c.InsecureSkipVerify:
		return fmt.Sprintf("the certificate of %s is not verified: name its CA in tls.ca_file and remove tls.insecure_skip_verify", neighbour)
	case c.SkipHostnameVerify && c.CAFile == "":
		return fmt.Sprintf("whoever has any certificate can pose as %s: name its CA in tls.ca_file, or remove tls.skip_hostname_verify", neighbour)
	}
	return ""
}

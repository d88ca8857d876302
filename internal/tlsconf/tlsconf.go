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
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            pool,
		Certificates:       certificates,
		ServerName:         c.ServerName,
		InsecureSkipVerify: c.InsecureSkipVerify, //nolint:gosec // asked for by name, and said so in a warning
	}, nil
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

// Warning is the sentence to log when verification is off; empty otherwise.
func (c Config) Warning(neighbour string) string {
	if !c.InsecureSkipVerify {
		return ""
	}
	return fmt.Sprintf("the certificate of %s is not verified: name its CA in tls.ca_file and remove tls.insecure_skip_verify", neighbour)
}

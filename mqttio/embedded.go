package mqttio

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"unicode"

	"pulltrail/internal/passhash"
	"pulltrail/internal/problem"
	"pulltrail/internal/tlsconf"
)

const (
	maxUsersFile = 1 << 20 // bytes
	hashRemedy   = "write what pulltrail hash-password prints"
)

// DefaultListen is where the embedded broker listens unless Listen says otherwise.
const DefaultListen = "127.0.0.1:" + plainPort

// Address is where the embedded broker listens; chosen says that the configuration names it.
func (c EmbeddedConfig) Address() (address string, chosen bool) {
	return cmp.Or(c.Listen, DefaultListen), c.Listen != ""
}

// Accounts are the users of the embedded broker with the texts of their hashes: those of
// the section and those of the file.
func (c EmbeddedConfig) Accounts() (map[string]string, error) {
	accounts, err := c.readUsers()
	if err != nil {
		return nil, fmt.Errorf("mqtt.embedded.users_file %s: %w", c.UsersFile, err)
	}
	for _, u := range c.Users {
		accounts[u.Username] = u.PasswordHash.Reveal()
	}
	return accounts, nil
}

// readUsers reads the file, in which each line is a name, a colon and a hash. What begins
// with # is a comment. Errors show no hash, since a password may stand there by mistake.
func (c EmbeddedConfig) readUsers() (map[string]string, error) {
	accounts := make(map[string]string)
	if c.UsersFile == "" {
		return accounts, nil
	}
	f, err := os.Open(c.UsersFile)
	if err != nil {
		return nil, errors.Unwrap(err) // without the name of the file
	}
	defer func() { _ = f.Close() }() // it is only read
	text, err := io.ReadAll(io.LimitReader(f, maxUsersFile+1))
	if err != nil {
		return nil, errors.Unwrap(err)
	}
	if len(text) > maxUsersFile {
		return nil, fmt.Errorf("has more than %d bytes", maxUsersFile)
	}
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, hash, found := strings.Cut(line, ":")
		why := checkUser(name, hash)
		switch {
		case !found:
			why = "has no colon between a user and a hash"
		case why == "" && accounts[name] != "":
			why = "names a user for the second time"
		}
		if why != "" {
			return nil, fmt.Errorf("line %d %s", number, why)
		}
		accounts[name] = hash
	}
	if len(accounts) == 0 {
		return nil, errors.New("names no user: write lines such as name:hash, with what pulltrail hash-password prints for the hash")
	}
	return accounts, nil
}

// checkUser says what is wrong with a user; empty if nothing.
func checkUser(name, hash string) string {
	err := passhash.Check(hash)
	switch {
	case name == "":
		return "has no name for the user"
	case name[0] == '$' || strings.ContainsFunc(name, func(r rune) bool { return r == ':' || unicode.IsControl(r) || r == unicode.ReplacementChar }):
		return fmt.Sprintf("names the user %q: a name has no colon and no control character, and does not begin with $", name)
	case err != nil:
		return fmt.Sprintf("has for the user %q what %v: %s", name, err, hashRemedy)
	}
	return ""
}

// validate lists every mistake, with keys relative to this section.
func (c EmbeddedConfig) validate() problem.List {
	var list problem.List
	c.validateUsers(&list)
	c.validateListen(&list, "listen", c.Listen)
	switch {
	case c.ListenTLS != "":
		c.validateListen(&list, "listen_tls", c.ListenTLS)
		c.TLS.validate(&list)
	case c.TLS != CertificateConfig{}:
		list.Add("tls", nil, "has no effect without an address for it: write mqtt.embedded.listen_tls, such as :%s, or remove the section tls", tlsPort)
	}
	return list
}

func (c EmbeddedConfig) validateUsers(list *problem.List) {
	inFile, err := c.readUsers()
	if err != nil {
		list.Add("users_file", c.UsersFile, "%v", err)
	}
	seen := make(map[string]bool)
	for i, u := range c.Users {
		key := fmt.Sprintf("users[%d]", i)
		why := checkUser(u.Username, u.PasswordHash.Reveal())
		switch {
		case why == "" && seen[u.Username]:
			why = fmt.Sprintf("names the user %q for the second time", u.Username)
		case why == "" && inFile[u.Username] != "":
			why = fmt.Sprintf("names the user %q, who stands in users_file too", u.Username)
		}
		if why != "" {
			list.Add(key, nil, "%s", why)
		}
		seen[u.Username] = true
	}
}

func (c EmbeddedConfig) validateListen(list *problem.List, key, address string) {
	host, port, err := net.SplitHostPort(address)
	switch {
	case address == "": // Address says what this means
	case err != nil:
		list.Add(key, address, "is not host:port: write one such as 127.0.0.1:%s", plainPort)
	case !validPort(port, 0):
		list.Add(key, address, "has no valid port: write one such as 127.0.0.1:%s", plainPort)
	case !tlsconf.IsLoopback(host) && len(c.Users) == 0 && c.UsersFile == "":
		list.Add(key, address, "can be reached from other machines, where everybody could write: name users in mqtt.embedded.users or mqtt.embedded.users_file, or write 127.0.0.1:%s", port)
	}
}

func (c CertificateConfig) validate(list *problem.List) {
	if c.CertFile == "" || c.KeyFile == "" {
		list.Add("tls", nil, "needs a certificate and its key for mqtt.embedded.listen_tls: write cert_file and key_file")
		return
	}
	if _, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile); err != nil {
		list.Add("tls.cert_file", c.CertFile, "%v; name a PEM certificate and its PEM key", err)
	}
}

// Warning is the sentence to log when passwords cross a network readable; empty otherwise.
func (c EmbeddedConfig) Warning() string {
	host, _, err := net.SplitHostPort(c.Listen)
	if err != nil || tlsconf.IsLoopback(host) {
		return ""
	}
	return fmt.Sprintf("what others send to the embedded broker at %s can be read on the way, passwords too: "+
		"write 127.0.0.1:%s in mqtt.embedded.listen and the address for others in mqtt.embedded.listen_tls", c.Listen, plainPort)
}

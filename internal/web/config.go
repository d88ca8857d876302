// Package web holds what its parts share: their section of the configuration.
package web

import (
	"net"
	"strconv"
	"strings"
	"unicode"

	"pulltrail/internal/passhash"
	"pulltrail/internal/problem"
	"pulltrail/internal/secret"
	"pulltrail/internal/tlsconf"
)

// Config is the section "web" of the configuration.
type Config struct {
	// Listen is host:port of page, API, health and metrics. An empty host is every
	// address of the machine; port 0 lets the system choose one.
	Listen string `koanf:"listen"`
	// Public lets everybody read all but private repositories.
	Public bool `koanf:"public"`
	// Username is who may see private repositories and act; empty for nobody.
	Username string `koanf:"username"`
	// PasswordHash is what passhash.Make makes of the user's password, or a hash of bcrypt.
	PasswordHash     secret.String `koanf:"password_hash"`
	PasswordHashFile string        `koanf:"password_hash_file"`
}

// DefaultConfig is reachable from this machine only, because it asks nobody who they
// are.
func DefaultConfig() Config {
	return Config{Listen: "127.0.0.1:8080"}
}

// Validate lists the mistakes, with keys relative to this section.
func (c Config) Validate() problem.List {
	var list problem.List
	c.validateListen(&list)
	c.validateUser(&list)
	return list
}

func (c Config) validateListen(list *problem.List) {
	host, port, err := net.SplitHostPort(c.Listen)
	if err != nil {
		list.Add("listen", c.Listen, "must be host:port, such as 127.0.0.1:8080, or :8080 for every address of this machine")
		return
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		list.Add("listen", c.Listen, "must end with a port from 0 to 65535, such as 127.0.0.1:8080")
	}
	if !tlsconf.IsLoopback(host) && !c.Public && !c.wantsUser() {
		list.Add("listen", c.Listen, "can be reached by others: write web.username and web.password_hash_file to ask them who they are, or web.public: true to let everybody read")
	}
}

// wantsUser reports whether there is a user, though perhaps not all of it.
func (c Config) wantsUser() bool {
	return c.Username != "" || c.PasswordHash.IsSet() || c.PasswordHashFile != ""
}

func (c Config) validateUser(list *problem.List) {
	const remedy = "write what pulltrail hash-password prints"
	switch {
	case !c.wantsUser():
		return
	case c.Username == "":
		list.Add("username", "", "a password needs a user: write web.username")
	case strings.ContainsFunc(c.Username, func(r rune) bool { return r == ':' || unicode.IsControl(r) }):
		list.Add("username", c.Username, "must be without colons and control characters, which a browser cannot send")
	case !c.PasswordHash.IsSet():
		list.Add("password_hash", nil, "the user needs a password: %s here, or into a file that web.password_hash_file names", remedy)
	}
	if !c.PasswordHash.IsSet() {
		return
	}
	key := "password_hash"
	if c.PasswordHashFile != "" {
		key = "password_hash_file"
	}
	if err := passhash.Check(c.PasswordHash.Reveal()); err != nil {
		list.Add(key, nil, "%v: %s", err, remedy) // a password may stand there by mistake
	}
}

package mqttio

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"pulltrail/internal/secret"
)

const someHash = "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

// embedded is a section with one user, on every address.
func embedded() EmbeddedConfig {
	return EmbeddedConfig{Listen: ":1883", Users: []User{{Username: "home", PasswordHash: secret.New(someHash)}}}
}

func write(t *testing.T, text string) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "users")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestTheUsersOfTheEmbeddedBroker(t *testing.T) {
	c := embedded()
	c.UsersFile = write(t, "# those of the house\n\nkitchen:"+someHash+"\n  attic:"+someHash+"  \r\n")
	if err := c.validate().Err(); err != nil {
		t.Fatal(err)
	}
	got, err := c.Accounts()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]string{"home": someHash, "kitchen": someHash, "attic": someHash}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	c = EmbeddedConfig{Listen: "0.0.0.0:1883", UsersFile: c.UsersFile}
	if err := c.validate().Err(); err != nil {
		t.Errorf("a file is not enough: %v", err)
	}
}

func TestAMistakeInAUsersFileNamesItsLine(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "names no user",
		"# nobody\n":             "names no user",
		"\nhome\n":               "line 2 has no colon",
		":" + someHash:           "line 1 has no name",
		"home:hunter2":           `line 1 has for the user "home" what is no hash`,
		"home:":                  `line 1 has for the user "home" what is no hash`,
		"a:b:" + someHash:        `line 1 has for the user "a" what is no hash`,
		"$pulltrail:" + someHash: "does not begin with $",
		"a\x00b:" + someHash:     "no control character",
		"home:" + someHash + "\nhome:" + someHash: "line 2 names a user for the second time",
		strings.Repeat("x", maxUsersFile+1):       "has more than 1048576 bytes",
	} {
		c := embedded()
		c.UsersFile = write(t, text)
		list := c.validate()
		if len(list) != 1 || list[0].Key != "users_file" || !strings.Contains(list[0].Message, want) || strings.Contains(list.Error(), "hunter2") {
			t.Errorf("%.50q: %v, want %s", text, list, want)
		}
		if _, err := c.Accounts(); err == nil || !strings.Contains(err.Error(), c.UsersFile) || !strings.Contains(err.Error(), want) {
			t.Errorf("%.50q: Accounts = %v", text, err)
		}
	}
}

func TestAMistakeInTheEmbeddedSectionSaysTheRemedy(t *testing.T) {
	file := write(t, "home:"+someHash)
	for name, test := range map[string]struct {
		change func(*EmbeddedConfig)
		want   string
	}{
		"no such file": {func(c *EmbeddedConfig) { c.UsersFile = "/no/such" }, `users_file: "/no/such": no such file or directory`},
		"a directory":  {func(c *EmbeddedConfig) { c.UsersFile = "/" }, `users_file: "/": is a directory`},
		"a user twice": {func(c *EmbeddedConfig) { c.Users = append(c.Users, c.Users[0]) }, `users[1]: names the user "home" for the second time`},
		"a user in both": {func(c *EmbeddedConfig) { c.UsersFile = file },
			`users[0]: names the user "home", who stands in users_file too`},
		"a password for a hash": {func(c *EmbeddedConfig) { c.Users[0].PasswordHash = secret.New("hunter2") },
			`users[0]: has for the user "home" what is no hash of argon2id ($argon2id$v=19$…) or bcrypt ($2b$…): write what pulltrail hash-password prints`},
		"no name": {func(c *EmbeddedConfig) { c.Users[0].Username = "" }, `users[0]: has no name for the user`},
		"TLS for everybody without users": {func(c *EmbeddedConfig) { *c = EmbeddedConfig{Listen: "127.0.0.1:1883", ListenTLS: ":8883"} },
			"listen_tls: \":8883\": can be reached from other machines, where everybody could write: name users in mqtt.embedded.users or mqtt.embedded.users_file, or write 127.0.0.1:8883\n" +
				"tls: needs a certificate and its key for mqtt.embedded.listen_tls: write cert_file and key_file"},
		"TLS without a certificate": {func(c *EmbeddedConfig) { c.ListenTLS = ":8883" },
			`tls: needs a certificate and its key for mqtt.embedded.listen_tls: write cert_file and key_file`},
		"a certificate that is not there": {func(c *EmbeddedConfig) { c.ListenTLS = ":8883"; c.TLS = CertificateConfig{"/no/such", "/no/such"} },
			`tls.cert_file: "/no/such": open /no/such: no such file or directory; name a PEM certificate and its PEM key`},
		"a certificate for nothing": {func(c *EmbeddedConfig) { c.TLS.CertFile = "x" },
			`tls: has no effect without an address for it: write mqtt.embedded.listen_tls, such as :8883, or remove the section tls`},
	} {
		t.Run(name, func(t *testing.T) {
			c := embedded()
			test.change(&c)
			if got := c.validate().Error(); got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

func TestPasswordsThatCanBeReadOnTheWayAreWarnedOf(t *testing.T) {
	for listen, warns := range map[string]bool{
		"127.0.0.1:1883": false, "localhost:1883": false, "[::1]:1883": false, ":1883": true, "0.0.0.0:1883": true, "192.0.2.1:1883": true,
	} {
		got := EmbeddedConfig{Listen: listen}.Warning()
		if (got != "") != warns || warns && !strings.Contains(got, "mqtt.embedded.listen_tls") {
			t.Errorf("%s: %q", listen, got)
		}
	}
}

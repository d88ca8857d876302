package passhash

import (
	"strings"
	"testing"
)

// Hashes that other programs have made.
const (
	argon2Reference = "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4" // of "password"
	bcryptReference = "05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"                             // of "U*U"
)

func TestHashesOfOtherProgramsAreRead(t *testing.T) {
	for text, password := range map[string]string{
		argon2Reference: "password", "$2a$" + bcryptReference: "U*U", "$2b$" + bcryptReference: "U*U", "$2y$" + bcryptReference: "U*U",
	} {
		h, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if !h.Matches(password) {
			t.Errorf("%s does not match", text)
		}
		for _, wrong := range []string{"", password + " ", strings.ToLower(password) + "x"} {
			if h.Matches(wrong) {
				t.Errorf("%s matches %q", text, wrong)
			}
		}
	}
}

func TestOurOwnHashesAreReadAndDiffer(t *testing.T) {
	const password = "correct horse"
	one, two := Make(password), Make(password)
	if one == two || !strings.HasPrefix(one, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("%s and %s", one, two)
	}
	for _, text := range []string{one, two} {
		h, err := Parse(text)
		if err != nil || !h.Matches(password) || h.Matches("another") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAHashIsStrictAndDoesNotCostTheMachine(t *testing.T) {
	const salt, key = "$c29tZXNhbHQ$", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	argon := func(costs string) string { return "$argon2id$v=19$" + costs + salt + key }
	for text, says := range map[string]string{
		"":                                                   "no hash",
		"hunter2":                                            "no hash",
		argon("m=1048577,t=1,p=1"):                           "costs more",
		argon("m=999999999,t=1,p=1"):                         "costs more",
		argon("m=4294967297,t=1,p=1"):                        "no hash",
		argon("m=65536,t=17,p=1"):                            "costs more",
		argon("m=65536,t=1,p=17"):                            "costs more",
		argon("m=65536,t=1,p=257"):                           "costs more",
		argon("m=0,t=1,p=1"):                                 "no hash",
		argon("m=65536,t=0,p=1"):                             "no hash",
		argon("m=65536,t=1,p=0"):                             "no hash",
		argon("m=-1,t=1,p=1"):                                "no hash",
		argon("m=7,t=1,p=1"):                                 "eight times",
		argon("m=65536,t=2"):                                 "no hash",
		argon("m=65536,t=2,p=1,x=1"):                         "no hash",
		argon2Reference + " ":                                "no hash",
		argon2Reference + "\n":                               "no hash",
		argon2Reference + "=":                                "no hash",
		argon2Reference[:len(argon2Reference)-1]:             "cut off",
		argon2Reference[:len(argon2Reference)-1] + "d":       "cut off",
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXN$" + key:      "no hash",
		"$argon2id$v=19$m=65536,t=2,p=1" + salt + "CTFhFdXP": "no hash",
		"$argon2id$v=19$m=65536,t=2,p=1" + salt + strings.Repeat("a", 200): "no hash",
		"$argon2id$v=16$m=65536,t=2,p=1" + salt + key:                      "no hash",
		"$argon2i$v=19$m=65536,t=2,p=1" + salt + key:                       "no hash",
		"$2x$" + bcryptReference:                                           "no hash",
		"$2$" + bcryptReference:                                            "no hash",
		"$2b$17" + bcryptReference[2:]:                                     "from 4 to 16",
		"$2b$99" + bcryptReference[2:]:                                     "from 4 to 16",
		"$2b$03" + bcryptReference[2:]:                                     "from 4 to 16",
		"$2b$" + bcryptReference[:len(bcryptReference)-1]:                  "no hash",
		"$2b$" + bcryptReference + "x":                                     "no hash",
	} {
		err := Check(text)
		if err == nil || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "c29t") {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}

// FuzzHash looks for text that is taken and costs too much, or panics. It does not hash:
// that would take the time that it may take.
func FuzzHash(f *testing.F) {
	for _, text := range []string{argon2Reference, "$2b$" + bcryptReference, "hunter2"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := Parse(text)
		if err != nil {
			return
		}
		if a, ok := h.(argon2idHash); ok && (a.memory > maxMemory || a.passes < 1 || a.passes > maxPasses || a.threads < 1 || a.threads > maxThreads ||
			a.memory < 8*uint32(a.threads) || len(a.salt) < 8 || len(a.salt) > 64 || len(a.key) < 16 || len(a.key) > 64) {
			t.Errorf("%q is taken as %+v", text, a)
		}
	})
}

// Package passhash hashes passwords, and checks them against hashes: those that it makes
// (argon2id), those of other programs in the same form, and those of bcrypt.
//
// At its bounds: a hash that would cost more than 1 GiB, 16 passes or a bcrypt cost of 16
// is refused when it is read, and one that is read takes the time and the memory that it
// says. Who checks passwords for others bounds how many are checked at the same time.
package passhash

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// The costs of the hashes that Make makes are those that OWASP recommends.
const (
	ownMemory  = 19 << 10 // KiB
	ownPasses  = 2
	ownThreads = 1
	ownSalt    = 16 // bytes
	ownKey     = 32 // bytes
)

// What a hash may cost: who writes one may be mistaken, and every login pays.
const (
	maxMemory     = 1 << 20 // KiB
	maxPasses     = 16
	maxThreads    = 16
	maxBcryptCost = 16
)

// Hash is a password that cannot be read.
type Hash interface {
	// Matches takes the time and the memory that the hash says, whatever the password.
	Matches(password string) bool
}

var (
	bcryptText   = regexp.MustCompile(`^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$`)
	argon2idText = regexp.MustCompile(`^\$argon2id\$v=19\$m=([1-9]\d{0,8}),t=([1-9]\d{0,8}),p=([1-9]\d{0,8})\$([+/A-Za-z0-9]{11,86})\$([+/A-Za-z0-9]{22,86})$`)
)

// Make makes the text of a hash, with a salt of its own.
func Make(password string) string {
	salt := make([]byte, ownSalt)
	_, _ = rand.Read(salt) // never fails
	key := argon2.IDKey([]byte(password), salt, ownPasses, ownMemory, ownThreads, ownKey)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, ownMemory, ownPasses, ownThreads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(key))
}

// Check says what is wrong with the text of a hash, without showing any of it.
func Check(text string) error {
	_, err := Parse(text)
	return err
}

// Parse reads a PHC string of argon2id, or a hash of bcrypt.
func Parse(text string) (Hash, error) {
	if parts := argon2idText.FindStringSubmatch(text); parts != nil {
		return parseArgon2id(parts[1:])
	}
	if !bcryptText.MatchString(text) {
		return nil, errors.New("is no hash of argon2id ($argon2id$v=19$…) or bcrypt ($2b$…)")
	}
	cost, err := bcrypt.Cost([]byte(text))
	if err != nil || cost > maxBcryptCost {
		return nil, fmt.Errorf("has a cost that is not from %d to %d", bcrypt.MinCost, maxBcryptCost)
	}
	return bcryptHash(text), nil
}

type bcryptHash string

func (h bcryptHash) Matches(password string) bool {
	return bcrypt.CompareHashAndPassword([]byte(h), []byte(password)) == nil
}

type argon2idHash struct {
	memory, passes uint32
	threads        uint8
	salt, key      []byte
}

// parseArgon2id takes memory, passes, threads, salt and key.
func parseArgon2id(parts []string) (Hash, error) {
	var costs [3]uint32
	for i, most := range []uint32{maxMemory, maxPasses, maxThreads} {
		cost, err := strconv.ParseUint(parts[i], 10, 32)
		if err != nil || uint32(cost) > most {
			return nil, fmt.Errorf("costs more than m=%d (1 GiB), t=%d, p=%d", maxMemory, maxPasses, maxThreads)
		}
		costs[i] = uint32(cost)
	}
	if costs[0] < 8*costs[2] {
		return nil, errors.New("has less memory (m) than eight times its threads (p)")
	}
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(parts[3])
	key, err2 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	if err := errors.Join(err1, err2); err != nil {
		return nil, errors.New("has a salt or a key that is cut off or altered")
	}
	threads := uint8(costs[2]) //nolint:gosec // at most maxThreads
	return argon2idHash{memory: costs[0], passes: costs[1], threads: threads, salt: salt, key: key}, nil
}

func (h argon2idHash) Matches(password string) bool {
	size := uint32(len(h.key)) //nolint:gosec // at most 64
	key := argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.threads, size)
	return subtle.ConstantTimeCompare(key, h.key) == 1
}

package homeassistant

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"pulltrail/internal/hub"
	"pulltrail/internal/topic"
)

const (
	nodePrefix = "pulltrail_"
	// maxReadable bounds what is readable of each half of a repository's name in a node,
	// in bytes; Docker Hub's names have up to 255 each.
	maxReadable = 40
	hashed      = 8 // bytes of the hash in a node
)

// node names a repository in topics and ids: letters, digits, "_" and "-" are all that Home
// Assistant takes there. What is readable of it may be the same for two; the hash is not.
func (s Settings) node(r hub.Repository) string {
	sum := sha256.Sum256([]byte(s.SnapshotTopic(r)))
	return nodePrefix + readable(r.Namespace) + "_" + readable(r.Name) + "_" + hex.EncodeToString(sum[:hashed])
}

func readable(part string) string {
	part = part[:min(len(part), maxReadable)]
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9', r == '-':
			return r
		}
		return '_'
	}, part)
}

func (s Settings) configTopic(node, sensor string) string {
	return s.Prefix + "/sensor/" + node + "/" + sensor + "/config"
}

// IsConfig reports whether a topic below prefix is that of a sensor of Pulltrail, of this
// process or of one like it.
func IsConfig(prefix, name string) bool {
	return topic.Match(prefix+"/sensor/+/+/config", name) && strings.HasPrefix(name, prefix+"/sensor/"+nodePrefix)
}

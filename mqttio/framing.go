package mqttio

// The kinds of packets that are told apart, which all versions number alike.
const (
	packetConnack  = 2
	packetPingreq  = 12
	packetPingresp = 13
)

// framing follows the packets in a stream of bytes (MQTT 5.0, section 2.1, and the same in
// 3.1.1): a byte, the length of the rest in one to four bytes, the rest. Its zero value stands before a
// packet.
type framing struct {
	inside bool // behind the first byte of a packet
	shift  uint // of the next byte of the length
	left   int  // bytes of the packet: read so far while it is the length, then to come
	body   bool // the length is known
	kind   byte // the first byte
	pongs  int  // PINGRESP packets that have ended
}

// pass takes bytes that were read, and says whether the last of them ends a packet.
func (f *framing) pass(p []byte) (ends bool) {
	for len(p) > 0 {
		switch {
		case f.body:
			n := min(f.left, len(p))
			f.left -= n
			p = p[n:]
		case !f.inside:
			*f = framing{inside: true, kind: p[0], pongs: f.pongs}
			p = p[1:]
		default:
			f.left |= int(p[0]&0x7f) << f.shift
			f.shift += 7
			f.body = p[0] < 0x80
			p = p[1:]
		}
		if f.body && f.left == 0 {
			if f.kind>>4 == packetPingresp {
				f.pongs++
			}
			*f = framing{pongs: f.pongs}
			ends = true
		} else {
			ends = false
		}
	}
	return ends
}

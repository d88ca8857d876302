package mqttio

// framing follows the packets in a stream of bytes (MQTT 5.0, section 2.1): a byte, the
// length of the rest in one to four bytes, the rest. Its zero value stands before a
// packet.
type framing struct {
	inside bool // behind the first byte of a packet
	shift  uint // of the next byte of the length
	left   int  // bytes of the packet: read so far while it is the length, then to come
	body   bool // the length is known
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
			*f = framing{inside: true}
			p = p[1:]
		default:
			f.left |= int(p[0]&0x7f) << f.shift
			f.shift += 7
			f.body = p[0] < 0x80
			p = p[1:]
		}
		if f.body && f.left == 0 {
			*f = framing{}
			ends = true
		} else {
			ends = false
		}
	}
	return ends
}

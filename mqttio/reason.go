package mqttio

import (
	"errors"
	"fmt"
)

// The reason codes that are decided by (MQTT 5.0, section 2.4).
const (
	codeNoSubscribers = 0x10
	codeFailure       = 0x80 // and all above
	codeVersion       = 0x84
	codeForbidden     = 0x87
	codeUnavailable   = 0x88
	codeBusy          = 0x89
	codeShuttingDown  = 0x8B
	codeTakenOver     = 0x8E
	codeIDInUse       = 0x91
	codeNoRetain      = 0x9A
)

// codeVersion311 is codeVersion in MQTT 3.1.1 (section 3.2.2.3).
const codeVersion311 = 1

// reasons are the codes that a person can do something about.
var reasons = map[byte]string{
	0x80: "the broker does not say why",
	0x81: "it calls a packet malformed",
	0x82: "it sees the protocol violated",
	0x83: "it has a reason of its own",
	0x84: "it does not support this version of MQTT",
	0x85: "it does not accept the client id: write another mqtt.client_id",
	0x86: "it does not accept the user or the password: check mqtt.username and mqtt.password",
	0x87: "it does not permit this: check mqtt.username, or grant the permission in the broker",
	0x88: "it is not available at present",
	0x89: "it is busy",
	0x8A: "it has banned this client",
	0x8B: "it is shutting down",
	0x8D: "it has heard nothing for too long",
	0x8F: "it does not accept the topic filter",
	0x90: "it does not accept the topic",
	0x91: "it has the packet's number in use",
	0x93: "it was sent too many messages at once",
	0x95: "a packet is larger than it takes",
	0x96: "it was sent messages too fast",
	0x97: "a quota is used up",
	0x98: "an administrator has ended the connection",
	0x99: "the payload does not have the announced format",
	0x9A: "it does not keep retained messages",
	0x9B: "it does not support this quality of service",
	0x9C: "it asks to use another server",
	0x9D: "it has moved to another server",
	0x9E: "it does not support shared subscriptions",
	0x9F: "connections are made too fast",
	0xA1: "it does not support subscription identifiers",
	0xA2: "it does not support wildcards",
}

// reason is a code, and what the broker says itself, in words.
func reason(code byte, said string) string {
	text, ok := reasons[code]
	if !ok {
		text = "reason"
	}
	if said != "" {
		return fmt.Sprintf("%s (code 0x%02X, %q)", text, code, said)
	}
	return fmt.Sprintf("%s (code 0x%02X)", text, code)
}

// connectReason is why a session could not connect.
func connectReason(broker string, err error) string {
	if errors.As(err, new(*refusal)) {
		return fmt.Sprintf("%s refuses the connection: %v", broker, err)
	}
	return fmt.Sprintf("cannot connect to %s: %v", broker, err)
}

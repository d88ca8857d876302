package mqttio

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/eclipse/paho.golang/autopaho"
	"github.com/eclipse/paho.golang/paho"
	"github.com/google/uuid"
)

// Probe connects to broker as the process would, under a client id of its own, and
// leaves again: it is for somebody who wants to know whether that works.
func Probe(ctx context.Context, cfg Config, broker string) error {
	l, err := newLink(cfg, broker, "pulltrail-check-"+uuid.NewString()[:8], slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	conn, err := dial(ctx, l.broker, l.tls)
	if err != nil {
		return errors.New(connectReason(l.broker.String(), err))
	}
	client := paho.NewClient(paho.ClientConfig{Conn: conn})
	packet := &paho.Connect{ClientID: l.clientID, CleanStart: true, KeepAlive: keepAlive}
	if l.username != "" || l.password.IsSet() {
		packet.Username, packet.UsernameFlag = l.username, l.username != ""
		packet.Password, packet.PasswordFlag = []byte(l.password.Reveal()), l.password.IsSet()
	}
	ack, err := client.Connect(ctx, packet)
	if ack != nil && ack.ReasonCode >= codeFailure {
		err = autopaho.NewConnackError(err, ack)
	}
	if err != nil {
		return errors.Join(errors.New(connectReason(l.broker.String(), err)), conn.Close())
	}
	if err := client.Disconnect(&paho.Disconnect{}); err != nil {
		return fmt.Errorf("leave %s: %w", l.broker, err)
	}
	return nil
}

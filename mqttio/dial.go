package mqttio

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
)

// dial connects to a URL that parseBroker has read; config is for those that ask for
// encryption. The context bounds the handshakes too.
func dial(ctx context.Context, u *url.URL, config *tls.Config) (*conn, error) {
	var c net.Conn
	var err error
	switch {
	case isWebSocket(u):
		c, err = dialWebSocket(ctx, u, config)
	case isTLS(u):
		c, err = (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", u.Host)
	default:
		c, err = new(net.Dialer).DialContext(ctx, "tcp", u.Host)
	}
	if err != nil {
		return nil, explainTLS(err)
	}
	return newConn(c), nil
}

func explainTLS(err error) error {
	var unverified *tls.CertificateVerificationError
	var header tls.RecordHeaderError
	switch {
	case errors.As(err, &unverified):
		return fmt.Errorf("%w: name the broker's CA in mqtt.tls.ca_file, and its name in mqtt.tls.server_name if it differs from the URL's", err)
	case errors.As(err, &header):
		return fmt.Errorf("%w: the broker does not speak TLS on this port: write the port for TLS, usually %s, or mqtt:// or ws://", err, tlsPort)
	}
	return err
}

// subprotocol is how a WebSocket says that it carries MQTT (MQTT 5.0, section 6).
const subprotocol = "mqtt"

// dialWebSocket opens a WebSocket, through the proxy that the environment names, if any.
func dialWebSocket(ctx context.Context, u *url.URL, config *tls.Config) (net.Conn, error) {
	d := websocket.Dialer{
		Proxy: http.ProxyFromEnvironment, TLSClientConfig: config, Subprotocols: []string{subprotocol},
		ReadBufferSize: connBuffer, WriteBufferSize: connBuffer,
	}
	ws, answer, err := d.DialContext(ctx, u.String(), nil)
	if answer != nil {
		_ = answer.Body.Close() // it is in memory, and of no use
	}
	if answer != nil && errors.Is(err, websocket.ErrBadHandshake) {
		return nil, fmt.Errorf("it answers %q and opens no WebSocket: check the port and the path in mqtt.url", answer.Status)
	}
	if err != nil {
		return nil, err
	}
	return &webSocket{Conn: ws}, nil
}

// webSocket is a WebSocket as a stream of bytes: where its messages begin and end says
// nothing (MQTT 5.0, section 6). It is read by one at a time, and written by one.
type webSocket struct {
	*websocket.Conn
	message io.Reader // nil between messages
}

func (w *webSocket) Read(p []byte) (int, error) {
	for {
		if w.message == nil {
			_, message, err := w.NextReader()
			if err != nil {
				return 0, closedWebSocket(err)
			}
			w.message = message
		}
		n, err := w.message.Read(p)
		if errors.Is(err, io.EOF) {
			w.message, err = nil, nil
		}
		if n > 0 || err != nil {
			return n, closedWebSocket(err)
		}
	}
}

// closedWebSocket is io.EOF for a WebSocket that the other side has closed.
func closedWebSocket(err error) error {
	var closed *websocket.CloseError
	if errors.As(err, &closed) {
		return io.EOF
	}
	return err
}

func (w *webSocket) Write(p []byte) (int, error) {
	if err := w.WriteMessage(websocket.BinaryMessage, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (w *webSocket) SetDeadline(t time.Time) error {
	return errors.Join(w.SetReadDeadline(t), w.SetWriteDeadline(t))
}

// Close says goodbye, as far as that takes no time.
func (w *webSocket) Close() error {
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	_ = w.WriteControl(websocket.CloseMessage, bye, time.Now().Add(10*time.Millisecond))
	return w.Conn.Close()
}

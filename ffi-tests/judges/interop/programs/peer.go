// Go's crypto/tls, as a peer: see README.md.

package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	seconds = 30
	piece   = 64
	chunk   = 16384
)

var (
	versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}
	groups   = map[string]tls.CurveID{"X25519": tls.X25519, "P-256": tls.CurveP256, "P-384": tls.CurveP384,
		"X25519MLKEM768": tls.X25519MLKEM768}
)

func broken(reason any) {
	fmt.Println("broken", reason)
	os.Exit(2)
}

func config(settings map[string]string) *tls.Config {
	version := versions[settings["version"]]
	made := &tls.Config{MinVersion: version, MaxVersion: version, ServerName: settings["name"],
		ClientSessionCache: tls.NewLRUClientSessionCache(4)}
	if path := settings["ca"]; path != "" {
		text, err := os.ReadFile(path)
		anchors := x509.NewCertPool()
		if err != nil || !anchors.AppendCertsFromPEM(text) {
			broken("no anchors")
		}
		made.RootCAs, made.ClientCAs = anchors, anchors
	}
	if path := settings["cert"]; path != "" {
		pair, err := tls.LoadX509KeyPair(path, settings["key"])
		if err != nil {
			broken(err)
		}
		// A client would not show a certificate of an authority that the server does not name.
		made.Certificates = []tls.Certificate{pair}
		made.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	if settings["ask"] != "" {
		made.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if names := settings["alpn"]; names != "" {
		made.NextProtos = strings.Split(names, ",")
	}
	if names := settings["groups"]; names != "" {
		for _, name := range strings.Split(names, ",") {
			made.CurvePreferences = append(made.CurvePreferences, groups[name])
		}
	}
	return made
}

func pattern(size int) []byte {
	data := make([]byte, size)
	for i := range data {
		data[i] = byte(i % 251)
	}
	return data
}

func send(conn *tls.Conn, size, most int) error {
	for data := pattern(size); len(data) > 0; data = data[min(most, len(data)):] {
		if _, err := conn.Write(data[:min(most, len(data))]); err != nil {
			return err
		}
	}
	return nil
}

func receive(conn *tls.Conn, size int) error {
	data := make([]byte, size)
	if _, err := io.ReadFull(conn, data); err != nil {
		return err
	}
	if string(data) != string(pattern(size)) {
		return fmt.Errorf("the bytes are not those that were sent")
	}
	return nil
}

// end reports how the connection ends.
func end(conn *tls.Conn) error {
	_, err := conn.Read(make([]byte, 1))
	switch err {
	case io.EOF:
		fmt.Println("end closed")
		return nil
	case io.ErrUnexpectedEOF:
		fmt.Println("end truncated")
		return nil
	case nil:
		return fmt.Errorf("data came in place of the end")
	}
	return err
}

// storm: crypto/tls changes its keys only when the peer asks.
func storm(conn *tls.Conn, rounds int) error {
	for range rounds {
		if err := send(conn, piece, piece); err != nil {
			return err
		}
		if err := receive(conn, piece); err != nil {
			return err
		}
	}
	return nil
}

func step(conn *tls.Conn, word string, number int) error {
	switch word {
	case "send":
		return send(conn, number, chunk)
	case "small":
		return send(conn, number, piece)
	case "recv":
		return receive(conn, number)
	case "storm":
		return storm(conn, number)
	case "close":
		return conn.CloseWrite()
	case "end":
		return end(conn)
	case "cut":
		os.Exit(0)
	}
	broken("no step is called " + word)
	return nil
}

func converse(conn *tls.Conn, script string) error {
	if err := conn.Handshake(); err != nil {
		return err
	}
	state := conn.ConnectionState()
	resumed := 0
	if state.DidResume {
		resumed = 1
	}
	fmt.Printf("connected resumed=%d alpn=%s\n", resumed, state.NegotiatedProtocol)
	for _, text := range strings.Split(script, ",") {
		word, digits, _ := strings.Cut(text, ":")
		number, _ := strconv.Atoi(digits)
		if err := step(conn, word, number); err != nil {
			return err
		}
	}
	fmt.Println("done")
	return nil
}

// linger waits for the peer's end: a reset would overtake what was sent last.
func linger(conn net.Conn) {
	conn.(*net.TCPConn).CloseWrite()
	io.Copy(io.Discard, conn)
	conn.Close()
}

func main() {
	role := os.Args[1]
	if role == "version" {
		fmt.Println(strings.TrimPrefix(runtime.Version(), "go"))
		return
	}
	time.AfterFunc(seconds*time.Second, func() { broken("it takes too long") })
	settings := map[string]string{"connections": "1", "name": "localhost"}
	for _, argument := range os.Args[2:] {
		name, value, _ := strings.Cut(argument, "=")
		settings[name] = value
	}
	made, connections := config(settings), settings["connections"]
	var listener net.Listener
	if role == "server" {
		var err error
		if listener, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			broken(err)
		}
		fmt.Println("listening", listener.Addr().(*net.TCPAddr).Port)
	}
	count, _ := strconv.Atoi(connections)
	for range count {
		var transport net.Conn
		var err error
		wrap := tls.Client
		if listener != nil {
			transport, err = listener.Accept()
			wrap = tls.Server
		} else {
			transport, err = net.Dial("tcp", "127.0.0.1:"+settings["port"])
		}
		if err != nil {
			broken(err)
		}
		if err := converse(wrap(transport, made), settings["script"]); err != nil {
			fmt.Println("failed", err)
		}
		linger(transport)
	}
}

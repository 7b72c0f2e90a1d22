// A TLS 1.3 peer for test_hybrid.py: Go's crypto/tls. Lines go from standard input to the peer, and from the peer to
// standard output.
//
// usage: hybrid_peer CERTIFICATES server GROUPS
//        hybrid_peer CERTIFICATES client GROUPS PORT      (GROUPS: names with colons in between, or "")

package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
)

var known = map[string]tls.CurveID{
	"X25519MLKEM768": tls.X25519MLKEM768, "X25519": tls.X25519, "P-256": tls.CurveP256, "P-384": tls.CurveP384,
}

func main() {
	certificates, role, groups := os.Args[1], os.Args[2], os.Args[3]
	anchors := x509.NewCertPool()
	pem, err := os.ReadFile(filepath.Join(certificates, "ca.pem"))
	check(err)
	anchors.AppendCertsFromPEM(pem)
	config := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: anchors, ServerName: "localhost"}
	for _, name := range strings.Split(groups, ":") {
		if group, is := known[name]; is {
			config.CurvePreferences = append(config.CurvePreferences, group)
		}
	}
	var connected *tls.Conn
	if role == "server" {
		own, err := tls.LoadX509KeyPair(
			filepath.Join(certificates, "server-p256.pem"), filepath.Join(certificates, "server-p256.key"))
		check(err)
		config.Certificates = []tls.Certificate{own}
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		check(err)
		fmt.Println("listening at", listener.Addr().(*net.TCPAddr).Port)
		accepted, err := listener.Accept()
		check(err)
		connected = tls.Server(accepted, config)
	} else {
		dialled, err := net.Dial("tcp", "127.0.0.1:"+os.Args[4])
		check(err)
		connected = tls.Client(dialled, config)
	}
	check(connected.Handshake())
	state := connected.ConnectionState()
	fmt.Printf("connected with 0x%04x, retried: %v\n", uint16(state.CurveID), state.HelloRetryRequest)
	go io.Copy(connected, os.Stdin)
	io.Copy(os.Stdout, connected)
}

func check(err error) {
	if err != nil {
		fmt.Println("failed:", err)
		os.Exit(1)
	}
}

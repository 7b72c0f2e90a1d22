// Reads a chain as a line of JSON and answers with a line: nothing, or why crypto/x509 refuses it.
package main

import (
	"bufio"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type chain struct {
	Certificates [][]byte
	Anchors      [][]byte
	Target       string
	Client       bool
}

func verdict(one chain) error {
	leaf, err := x509.ParseCertificate(one.Certificates[0])
	if err != nil {
		return err
	}
	options := x509.VerifyOptions{
		DNSName: one.Target, Roots: x509.NewCertPool(), Intermediates: x509.NewCertPool(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if one.Client {
		options.KeyUsages[0] = x509.ExtKeyUsageClientAuth
	}
	// What cannot be read vouches for nothing.
	for _, der := range one.Certificates[1:] {
		if certificate, err := x509.ParseCertificate(der); err == nil {
			options.Intermediates.AddCert(certificate)
		}
	}
	for _, der := range one.Anchors {
		if certificate, err := x509.ParseCertificate(der); err == nil {
			options.Roots.AddCert(certificate)
		}
	}
	_, err = leaf.Verify(options)
	return err
}

func main() {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<24)
	for lines.Scan() {
		var one chain
		if err := json.Unmarshal(lines.Bytes(), &one); err != nil {
			panic(err)
		}
		text := ""
		if err := verdict(one); err != nil {
			text = strings.ReplaceAll(err.Error(), "\n", " ")
		}
		fmt.Println(text)
	}
}

package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"time"
)

// Validity of the vendor's certificates: ten years for an authority, one for what it signs.
const (
	authorityYears = 10
	leafYears      = 1
)

// pair is a certificate with its key, both PEM.
type pair struct {
	certificate []byte
	key         []byte
}

// authority signs certificates.
type authority struct {
	pair
	parsed *x509.Certificate
	signer crypto.Signer
}

// request says what a certificate is for.
type request struct {
	name         string
	organization []string
	hosts        []string
	usages       []x509.ExtKeyUsage
}

// The key is elliptic where the vendor's is RSA: no client sees a difference, and a fleet that
// starts at once on two cores does not spend seconds on primes.
func newKey() (*ecdsa.PrivateKey, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, nil, fmt.Errorf("encode a key: %w", err)
	}
	return key, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), nil
}

func template(name pkix.Name, ends time.Time) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, fmt.Errorf("make a serial number: %w", err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      name,
		NotBefore:    time.Now().Add(-5 * time.Minute), // clocks of other nodes may be behind
		NotAfter:     ends,
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}, nil
}

func newAuthority(name string) (*authority, error) {
	signer, key, err := newKey()
	if err != nil {
		return nil, err
	}
	self, err := template(pkix.Name{CommonName: name}, time.Now().AddDate(authorityYears, 0, 0))
	if err != nil {
		return nil, err
	}
	self.IsCA, self.BasicConstraintsValid = true, true
	self.KeyUsage |= x509.KeyUsageCertSign | x509.KeyUsageCRLSign
	self.DNSNames = []string{name}
	der, err := x509.CreateCertificate(rand.Reader, self, self, signer.Public(), signer)
	if err != nil {
		return nil, fmt.Errorf("sign the authority %s: %w", name, err)
	}
	return loadAuthority(pair{encode(der), key})
}

func loadAuthority(p pair) (*authority, error) {
	block, _ := pem.Decode(p.certificate)
	if block == nil {
		return nil, fmt.Errorf("the certificate of the authority is not PEM")
	}
	parsed, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse the certificate of the authority: %w", err)
	}
	if block, _ = pem.Decode(p.key); block == nil {
		return nil, fmt.Errorf("the key of the authority is not PEM")
	}
	signer, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse the key of the authority: %w", err)
	}
	return &authority{pair: p, parsed: parsed, signer: signer}, nil
}

func (a *authority) sign(r request) (pair, error) {
	return a.signUntil(r, time.Now().AddDate(leafYears, 0, 0))
}

func (a *authority) signUntil(r request, ends time.Time) (pair, error) {
	signer, key, err := newKey()
	if err != nil {
		return pair{}, err
	}
	leaf, err := template(pkix.Name{CommonName: r.name, Organization: r.organization}, ends)
	if err != nil {
		return pair{}, err
	}
	leaf.ExtKeyUsage = r.usages
	for _, host := range r.hosts {
		if ip := net.ParseIP(host); ip != nil {
			leaf.IPAddresses = append(leaf.IPAddresses, ip)
		} else {
			leaf.DNSNames = append(leaf.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, leaf, a.parsed, signer.Public(), a.signer)
	if err != nil {
		return pair{}, fmt.Errorf("sign the certificate %s: %w", r.name, err)
	}
	return pair{encode(der), key}, nil
}

func encode(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func publicKey(key []byte) ([]byte, error) {
	block, _ := pem.Decode(key)
	private, err := x509.ParseECPrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("parse a key: %w", err)
	}
	der, err := x509.MarshalPKIXPublicKey(private.Public())
	if err != nil {
		return nil, fmt.Errorf("encode a public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

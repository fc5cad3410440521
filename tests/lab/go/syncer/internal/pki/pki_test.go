package pki

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"maps"
	"slices"
	"testing"
	"time"

	"lab/syncer/internal/kubeconfig"
)

func generate(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := Generate("demo", "vc-demo", nil)
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func leaf(t *testing.T, text []byte) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode(text)
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return certificate
}

func verify(t *testing.T, files map[string][]byte, authority, certificate, host string, use x509.ExtKeyUsage) error {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(files[authority])
	_, err := leaf(t, files[certificate]).Verify(x509.VerifyOptions{
		Roots: roots, DNSName: host, KeyUsages: []x509.ExtKeyUsage{use},
	})
	return err
}

func TestTheSecretHasTheVendorsEntries(t *testing.T) {
	want := []string{"admin.conf", "controller-manager.conf", "sa.key", "sa.pub", "scheduler.conf"}
	for _, name := range []string{
		"apiserver", "apiserver-etcd-client", "apiserver-kubelet-client", "ca", "client-ca", "etcd-ca",
		"etcd-healthcheck-client", "etcd-peer", "etcd-server", "front-proxy-ca", "front-proxy-client", "server-ca",
	} {
		want = append(want, name+".crt", name+".key")
	}
	var got []string
	for name, content := range generate(t) {
		got = append(got, name)
		if len(content) == 0 {
			t.Errorf("%s is empty", name)
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if len(got) != 29 || !slices.Equal(got, want) {
		t.Fatalf("entries %v, want %v", got, want)
	}
}

func TestEachCertificateIsSignedForItsUse(t *testing.T) {
	files := generate(t)
	for _, test := range []struct {
		authority, certificate, host string
		use                          x509.ExtKeyUsage
		good                         bool
	}{
		{"etcd-ca.crt", "etcd-server.crt", "demo-etcd", x509.ExtKeyUsageServerAuth, true},
		{"etcd-ca.crt", "etcd-server.crt", "localhost", x509.ExtKeyUsageServerAuth, true},
		{"etcd-ca.crt", "etcd-peer.crt", "demo-etcd-4.demo-etcd-headless.vc-demo", x509.ExtKeyUsageClientAuth, true},
		{"etcd-ca.crt", "etcd-peer.crt", "demo-etcd-5.demo-etcd-headless.vc-demo", x509.ExtKeyUsageClientAuth, false},
		{"etcd-ca.crt", "apiserver-etcd-client.crt", "", x509.ExtKeyUsageClientAuth, true},
		{"ca.crt", "apiserver-etcd-client.crt", "", x509.ExtKeyUsageClientAuth, false},
		{"client-ca.crt", "apiserver-kubelet-client.crt", "", x509.ExtKeyUsageClientAuth, true},
		{"front-proxy-ca.crt", "front-proxy-client.crt", "", x509.ExtKeyUsageServerAuth, false},
	} {
		if err := verify(t, files, test.authority, test.certificate, test.host, test.use); (err == nil) != test.good {
			t.Errorf("%s for %q by %s: %v", test.certificate, test.host, test.authority, err)
		}
	}
}

func TestServingCertificateNames(t *testing.T) {
	files := generate(t)
	certificate, key, err := Serving(files, Hosts("demo", "vc-demo", []string{"10.96.1.7", "", "demo.example.net"}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(certificate, key); err != nil {
		t.Fatal(err)
	}
	files["serving.crt"] = certificate
	for host, good := range map[string]bool{
		"localhost": true, "demo": true, "demo.vc-demo": true, "10.96.1.7": true, "demo.example.net": true,
		"demo.vc-demo.svc": false, "10.96.1.8": false,
	} {
		if err := verify(t, files, "server-ca.crt", "serving.crt", host, x509.ExtKeyUsageServerAuth); (err == nil) != good {
			t.Errorf("%s: %v", host, err)
		}
	}
}

func TestAdminKubeconfigIsMaster(t *testing.T) {
	config, err := kubeconfig.Decode(generate(t)["admin.conf"])
	if err != nil {
		t.Fatal(err)
	}
	certificate := leaf(t, config.Certificate)
	if config.Server != Server || !slices.Contains(certificate.Subject.Organization, "system:masters") {
		t.Fatalf("server %s, subject %v", config.Server, certificate.Subject)
	}
}

func TestWhatEndsSoonIsSignedAgain(t *testing.T) {
	before := generate(t)
	authority, err := loadAuthority(pair{before["etcd-ca.crt"], before["etcd-ca.key"]})
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		left  time.Duration
		again bool
	}{{renewsWithin + time.Hour, false}, {renewsWithin - time.Hour, true}, {-time.Hour, true}} {
		signed, err := authority.signUntil(request{name: "etcd", usages: both}, time.Now().Add(test.left))
		if err != nil {
			t.Fatal(err)
		}
		there := maps.Clone(before)
		put(there, "etcd-peer", signed)
		after, err := Generate("demo", "vc-demo", there)
		if err != nil {
			t.Fatal(err)
		}
		if again := !bytes.Equal(there["etcd-peer.crt"], after["etcd-peer.crt"]); again != test.again {
			t.Errorf("with %s left: signed again %v", test.left, again)
		}
		if !bytes.Equal(before["etcd-ca.crt"], after["etcd-ca.crt"]) {
			t.Error("the authority is another one")
		}
	}
}

func TestAuthoritiesStayWhereAMissingCertificateIsMadeAgain(t *testing.T) {
	before := generate(t)
	if same, err := Generate("other", "vc-other", before); err != nil || !maps.EqualFunc(same, before, bytes.Equal) {
		t.Fatalf("a whole Secret was changed, error %v", err)
	}
	there := maps.Clone(before)
	delete(there, "apiserver.crt")
	after, err := Generate("other", "vc-other", there)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"ca.crt", "ca.key", "server-ca.crt", "etcd-ca.key", "front-proxy-ca.crt", "sa.key", "sa.pub"} {
		if !bytes.Equal(before[name], after[name]) {
			t.Errorf("%s is another one", name)
		}
	}
	for name, host := range map[string]string{"apiserver.crt": "other.vc-other", "etcd-server.crt": "other-etcd-0"} {
		if err := leaf(t, after[name]).VerifyHostname(host); err != nil {
			t.Error(err)
		}
	}
	if bytes.Equal(before["admin.conf"], after["admin.conf"]) {
		t.Error("admin.conf was not signed again")
	}
}

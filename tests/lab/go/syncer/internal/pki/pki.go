// Package pki makes the certificates of a vCluster: the 29 entries of the Secret NAME-certs, which
// all replicas share, and the serving certificate, which each pod signs for itself.
package pki

import (
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"time"

	"lab/syncer/internal/kubeconfig"
)

// Server is where the kubeconfigs of the Secret point to: the API server of the pod itself.
const Server = "https://localhost:8443"

var (
	server = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	client = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	both   = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
)

// leaves are what the authorities sign.
var leaves = []string{
	"apiserver", "apiserver-kubelet-client", "front-proxy-client", "apiserver-etcd-client",
	"etcd-healthcheck-client", "etcd-server", "etcd-peer",
}

// renewsWithin is how long before its end a certificate is signed again, at the syncer's start.
const renewsWithin = 90 * 24 * time.Hour

// fresh says whether no certificate that an authority signs is missing from the Secret's entries, or
// ends soon.
func fresh(files map[string][]byte) bool {
	for _, name := range leaves {
		block, _ := pem.Decode(files[name+".crt"])
		if block == nil {
			return false
		}
		found, err := x509.ParseCertificate(block.Bytes)
		if err != nil || time.Until(found.NotAfter) <= renewsWithin {
			return false
		}
	}
	return true
}

// Generate makes all entries of the Secret NAME-certs of the vCluster name in namespace. Of those
// that are there all stay, unless a certificate is missing or ends soon: then all that authorities
// sign is signed again, as the vendor does it (0.36.1, pkg/certs/ensure.go).
func Generate(name, namespace string, there map[string][]byte) (map[string][]byte, error) {
	if fresh(there) {
		return there, nil
	}
	files := maps.Clone(there)
	if files == nil {
		files = map[string][]byte{}
	}
	tenant, err := authorityOf(there, "ca", "kubernetes")
	if err != nil {
		return nil, err
	}
	// One authority under three names, as the vendor has it: what signs clients, what signs the
	// server, and the one that kubeadm knows.
	for _, alias := range []string{"ca", "client-ca", "server-ca"} {
		put(files, alias, tenant.pair)
	}
	etcd, err := authorityOf(there, "etcd-ca", "etcd-ca")
	if err != nil {
		return nil, err
	}
	put(files, "etcd-ca", etcd.pair)
	front, err := authorityOf(there, "front-proxy-ca", "front-proxy-ca")
	if err != nil {
		return nil, err
	}
	put(files, "front-proxy-ca", front.pair)

	masters := []string{"system:masters"}
	members := memberHosts(name, namespace)
	for file, leaf := range map[string]struct {
		by *authority
		request
	}{
		"apiserver":                {tenant, request{name: "kube-apiserver", hosts: Hosts(name, namespace, nil), usages: server}},
		"apiserver-kubelet-client": {tenant, request{name: "kube-apiserver-kubelet-client", organization: masters, usages: client}},
		"front-proxy-client":       {front, request{name: "front-proxy-client", usages: client}},
		"apiserver-etcd-client":    {etcd, request{name: "kube-apiserver-etcd-client", usages: client}},
		"etcd-healthcheck-client":  {etcd, request{name: "kube-etcd-healthcheck-client", usages: client}},
		"etcd-server":              {etcd, request{name: name + "-etcd", hosts: members, usages: both}},
		"etcd-peer":                {etcd, request{name: name + "-etcd", hosts: members, usages: both}},
	} {
		signed, err := leaf.by.sign(leaf.request)
		if err != nil {
			return nil, err
		}
		put(files, file, signed)
	}
	if err := addServiceAccountKeys(files); err != nil {
		return nil, err
	}
	return files, addKubeconfigs(files, tenant)
}

// authorityOf loads the authority from its entry, or makes one.
func authorityOf(there map[string][]byte, entry, commonName string) (*authority, error) {
	if found := (pair{there[entry+".crt"], there[entry+".key"]}); len(found.certificate) > 0 {
		return loadAuthority(found)
	}
	return newAuthority(commonName)
}

func put(files map[string][]byte, name string, p pair) {
	files[name+".crt"], files[name+".key"] = p.certificate, p.key
}

func addServiceAccountKeys(files map[string][]byte) error {
	if len(files["sa.key"]) > 0 {
		return nil
	}
	_, key, err := newKey()
	if err != nil {
		return err
	}
	public, err := publicKey(key)
	if err != nil {
		return err
	}
	files["sa.key"], files["sa.pub"] = key, public
	return nil
}

// Names inside the kubeconfigs are kubeadm's.
func addKubeconfigs(files map[string][]byte, tenant *authority) error {
	for file, user := range map[string]request{
		"admin.conf":              {name: "kubernetes-super-admin", organization: []string{"system:masters"}, usages: client},
		"controller-manager.conf": {name: "system:kube-controller-manager", usages: client},
		"scheduler.conf":          {name: "system:kube-scheduler", usages: client},
	} {
		signed, err := tenant.sign(user)
		if err != nil {
			return err
		}
		text, err := kubeconfig.Kubeconfig{
			Cluster: "kubernetes", User: user.name, Context: user.name + "@kubernetes",
			Server: Server, Authority: tenant.certificate,
			Certificate: signed.certificate, Key: signed.key,
		}.Encode()
		if err != nil {
			return err
		}
		files[file] = text
	}
	return nil
}

// Hosts are the names and addresses the tenant's API is served under. NAME.NS.svc is not among
// them, as with the vendor: who needs it puts it into proxy.extraSANs.
func Hosts(name, namespace string, more []string) []string {
	hosts := []string{
		"localhost", "127.0.0.1", name, name + "." + namespace,
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
	}
	for _, host := range more {
		if host != "" {
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// memberHosts covers members 0 to 4 of the deployed etcd, so that it may grow to five.
func memberHosts(name, namespace string) []string {
	service := name + "-etcd"
	hosts := []string{"localhost", "127.0.0.1"}
	suffixes := []string{"", "." + namespace, "." + namespace + ".svc", "." + namespace + ".svc.cluster.local"}
	for _, suffix := range suffixes {
		hosts = append(hosts, service+suffix)
	}
	for member := range 5 {
		pod := fmt.Sprintf("%s-%d", service, member)
		hosts = append(hosts, pod)
		for _, suffix := range suffixes {
			hosts = append(hosts, pod+"."+service+"-headless"+suffix)
		}
	}
	return hosts
}

// Write puts the entries into folder, for the programs of this pod alone.
func Write(folder string, files map[string][]byte) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the folder of the certificates: %w", err)
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			return fmt.Errorf("write a certificate: %w", err)
		}
	}
	return nil
}

// Serving signs the certificate this pod serves the tenant's API with.
func Serving(files map[string][]byte, hosts []string) (certificate, key []byte, err error) {
	by, err := loadAuthority(pair{files["server-ca.crt"], files["server-ca.key"]})
	if err != nil {
		return nil, nil, err
	}
	signed, err := by.sign(request{name: "kube-apiserver", hosts: hosts, usages: server})
	return signed.certificate, signed.key, err
}

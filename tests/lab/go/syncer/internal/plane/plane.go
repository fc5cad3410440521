// Package plane says how the API server and the controller manager of a tenant are run.
package plane

import (
	"path/filepath"

	"lab/syncer/internal/config"
	"lab/syncer/internal/process"
	"lab/syncer/internal/store"
)

// Plane is what both programs are told; Binaries is the folder the init container fills.
type Plane struct {
	Binaries    string
	PKI         string
	Pod         config.Pod
	ServiceCIDR string
	Store       store.Endpoint
	Values      *config.Values
}

const issuer = "https://kubernetes.default.svc.cluster.local"

// The programs share two cores and one node's memory with those of all other tenants.
func frugal(limit string) []string {
	return []string{"GOMEMLIMIT=" + limit, "GOGC=50", "GOMAXPROCS=2"}
}

// APIServer serves the tenant on port 8443 directly, where the vendor has a proxy in front; each
// replica registers its own address and Lease.
func (p Plane) APIServer() process.Program {
	pki := func(name string) string { return filepath.Join(p.PKI, name) }
	args := []string{
		"--advertise-address=" + p.Pod.IP,
		"--allow-privileged=true",
		"--api-audiences=" + issuer + ",https://kubernetes.default.svc,https://kubernetes.default",
		"--authorization-mode=RBAC",
		"--bind-address=0.0.0.0",
		"--client-ca-file=" + pki("client-ca.crt"),
		"--endpoint-reconciler-type=lease",
		"--kubelet-client-certificate=" + pki("apiserver-kubelet-client.crt"),
		"--kubelet-client-key=" + pki("apiserver-kubelet-client.key"),
		"--profiling=false",
		"--proxy-client-cert-file=" + pki("front-proxy-client.crt"),
		"--proxy-client-key-file=" + pki("front-proxy-client.key"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-client-ca-file=" + pki("front-proxy-ca.crt"),
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--secure-port=8443",
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=" + pki("sa.pub"),
		"--service-account-signing-key-file=" + pki("sa.key"),
		"--service-cluster-ip-range=" + p.ServiceCIDR,
		"--tls-cert-file=" + pki(ServingCertificate),
		"--tls-private-key-file=" + pki(ServingKey),
	}
	args = append(args, p.Store.Args()...)
	return process.Program{
		Name: "kube-apiserver",
		Path: filepath.Join(p.Binaries, "kube-apiserver"),
		Args: append(args, p.Values.ControlPlane.Distro.K8s.APIServer.ExtraArgs...),
		Env:  frugal("220MiB"),
	}
}

// Names of the files of the serving certificate, which is the pod's own.
const (
	ServingCertificate = "serving.crt"
	ServingKey         = "serving.key"
)

// ControllerManager runs without the controllers of nodes and volumes: both are the host's.
func (p Plane) ControllerManager() process.Program {
	pki := func(name string) string { return filepath.Join(p.PKI, name) }
	kubeconfig := pki("controller-manager.conf")
	args := []string{
		"--authentication-kubeconfig=" + kubeconfig,
		"--authorization-kubeconfig=" + kubeconfig,
		"--bind-address=127.0.0.1",
		"--client-ca-file=" + pki("client-ca.crt"),
		"--cluster-signing-cert-file=" + pki("client-ca.crt"),
		"--cluster-signing-key-file=" + pki("client-ca.key"),
		"--controllers=*,-nodeipam,-nodelifecycle,-persistentvolume-binder,-attachdetach," +
			"-persistentvolume-expander,-cloud-node-lifecycle,-ttl",
		"--kubeconfig=" + kubeconfig,
		"--leader-elect=true",
		"--profiling=false",
		"--requestheader-client-ca-file=" + pki("front-proxy-ca.crt"),
		"--root-ca-file=" + pki("server-ca.crt"),
		"--service-account-private-key-file=" + pki("sa.key"),
		"--use-service-account-credentials=true",
	}
	return process.Program{
		Name: "kube-controller-manager",
		Path: filepath.Join(p.Binaries, "kube-controller-manager"),
		Args: append(args, p.Values.ControlPlane.Distro.K8s.ControllerManager.ExtraArgs...),
		Env:  frugal("80MiB"),
	}
}

// Package plane says how the API server and the controller manager of a tenant are run.
package plane

import (
	"path/filepath"
	"time"

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

// APIServerName is what messages call the API server.
const APIServerName = "kube-apiserver"

const issuer = "https://kubernetes.default.svc.cluster.local"

// The programs of all tenants share few cores: less collection of garbage is worth more memory.
func frugal(limit string) []string {
	return []string{"GOMEMLIMIT=" + limit, "GOGC=200", "GOMAXPROCS=2"}
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
		"--enable-priority-and-fairness=false",
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
		Name: APIServerName,
		Path: filepath.Join(p.Binaries, "kube-apiserver"),
		Args: append(args, p.Values.ControlPlane.Distro.K8s.APIServer.ExtraArgs...),
		Env:  frugal("400MiB"),
	}
}

// Names of the files of the serving certificate, which is the pod's own.
const (
	ServingCertificate = "serving.crt"
	ServingKey         = "serving.key"
)

// controllers are those that what a tenant keeps in the lab needs; each further one watches more.
const controllers = "bootstrap-signer-controller,certificatesigningrequest-approving-controller," +
	"certificatesigningrequest-cleaner-controller,certificatesigningrequest-signing-controller," +
	"clusterrole-aggregation-controller,cronjob-controller,daemonset-controller,deployment-controller," +
	"disruption-controller,endpoints-controller,endpointslice-controller,garbage-collector-controller," +
	"job-controller,namespace-controller,replicaset-controller," +
	"resourcequota-controller,root-ca-certificate-publisher-controller,serviceaccount-controller," +
	"serviceaccount-token-controller,statefulset-controller"

// ControllerManager runs without the controllers of nodes and volumes: both are the host's. It ends
// when it loses its lease, which a busy machine makes it do: that is no reason to end the replica.
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
		"--controllers=" + controllers,
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
		Env:  frugal("160MiB"),

		Again: 2 * time.Second,
	}
}

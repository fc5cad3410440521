package plane

import (
	"slices"
	"testing"

	"lab/syncer/internal/config"
	"lab/syncer/internal/store"
)

func TestArgumentsOfTheUserComeLast(t *testing.T) {
	values, err := config.ParseValues([]byte(
		"controlPlane: {distro: {k8s: {apiServer: {extraArgs: [--v=4]}, controllerManager: {extraArgs: [--v=5]}}}}"))
	if err != nil {
		t.Fatal(err)
	}
	p := Plane{
		Binaries: "/binaries", PKI: "/pki", Pod: config.Pod{IP: "10.244.1.9"}, ServiceCIDR: "10.96.1.0/24",
		Store: store.Endpoint{URL: "https://demo-etcd:2379", CAFile: "/pki/etcd-ca.crt"}, Values: values,
	}
	api, manager := p.APIServer(), p.ControllerManager()
	for _, want := range []string{
		"--advertise-address=10.244.1.9", "--secure-port=8443", "--service-cluster-ip-range=10.96.1.0/24",
		"--etcd-servers=https://demo-etcd:2379", "--etcd-cafile=/pki/etcd-ca.crt", "--tls-cert-file=/pki/serving.crt",
	} {
		if !slices.Contains(api.Args, want) {
			t.Errorf("no %s in %v", want, api.Args)
		}
	}
	if api.Path != "/binaries/kube-apiserver" || api.Args[len(api.Args)-1] != "--v=4" {
		t.Errorf("API server %+v", api)
	}
	if !slices.Contains(manager.Args, "--leader-elect=true") || manager.Args[len(manager.Args)-1] != "--v=5" {
		t.Errorf("controller manager %+v", manager)
	}
}

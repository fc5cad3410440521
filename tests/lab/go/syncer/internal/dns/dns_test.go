package dns

import (
	"strings"
	"testing"

	authentication "k8s.io/api/authentication/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"lab/syncer/internal/config"
	"lab/syncer/internal/host"
)

const hostPodName = "coredns-a-x-kube-system-x-demo"

// pair returns a syncer between a host with the vCluster demo and a tenant with these objects.
func pair(t *testing.T, objects ...runtime.Object) (s *Syncer, onHost, inTenant *fake.Clientset) {
	t.Helper()
	vcluster := &core.Service{ObjectMeta: meta.ObjectMeta{Name: "demo", Namespace: "vc-demo", UID: "u1"}, Spec: core.ServiceSpec{ClusterIP: "10.96.1.7"}}
	onHost = fake.NewClientset(vcluster)
	root := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: "kube-root-ca.crt", Namespace: namespace}, Data: map[string]string{"ca.crt": "x"}}
	inTenant = fake.NewClientset(append(objects, root)...)
	inTenant.PrependReactor("create", "serviceaccounts", func(action clienttesting.Action) (bool, runtime.Object, error) {
		if action.GetSubresource() != "token" {
			return false, nil, nil
		}
		return true, &authentication.TokenRequest{Status: authentication.TokenRequestStatus{Token: "secret"}}, nil
	})
	h := host.Host{Client: onHost, SetOwner: true, Pod: config.Pod{VCluster: "demo", Namespace: "vc-demo"}}
	return &Syncer{Host: h, Tenant: inTenant, service: vcluster}, onHost, inTenant
}

func tenantPod() *core.Pod {
	return &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: "coredns-a", Namespace: namespace, UID: "p1", Labels: map[string]string{appLabel: appName}},
		Spec: core.PodSpec{
			ServiceAccountName: "coredns", Containers: []core.Container{container(config.CoreDNS{})},
			Volumes: append(volumes(), core.Volume{Name: "api", VolumeSource: core.VolumeSource{Projected: &core.ProjectedVolumeSource{
				Sources: []core.VolumeProjection{
					{ServiceAccountToken: &core.ServiceAccountTokenProjection{Path: "token"}},
					{ConfigMap: &core.ConfigMapProjection{LocalObjectReference: core.LocalObjectReference{Name: "kube-root-ca.crt"}}},
				},
			}}}),
		},
	}
}

func hostPodOf(t *testing.T, client *fake.Clientset) *core.Pod {
	t.Helper()
	pod, err := client.CoreV1().Pods("vc-demo").Get(t.Context(), hostPodName, meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return pod
}

func TestAPodOfTheTenantRunsOnTheHost(t *testing.T) {
	s, onHost, _ := pair(t, tenantPod())
	if err := s.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	pod := hostPodOf(t, onHost)
	if pod.Labels[managedBy] != "demo" || pod.Labels[appLabel] != appName || pod.OwnerReferences[0].Name != "demo" {
		t.Errorf("metadata %+v", pod.ObjectMeta)
	}
	if pod.Spec.ServiceAccountName != "vc-workload-demo" || pod.Spec.HostAliases[0].IP != "10.96.1.7" {
		t.Errorf("spec %+v", pod.Spec)
	}
	if pod.Spec.Volumes[0].ConfigMap.Name != "coredns-x-kube-system-x-demo" {
		t.Errorf("config %+v", pod.Spec.Volumes[0])
	}
	sources := pod.Spec.Volumes[2].Projected.Sources
	path := sources[0].DownwardAPI.Items[0].FieldRef.FieldPath
	if pod.Annotations[tokenAnnotation] != "secret" || !strings.Contains(path, tokenAnnotation) {
		t.Errorf("token %q by %q", pod.Annotations[tokenAnnotation], path)
	}
	if _, err := onHost.CoreV1().ConfigMaps("vc-demo").Get(t.Context(), sources[1].ConfigMap.Name, meta.GetOptions{}); err != nil {
		t.Error(err)
	}
}

func TestTheTenantLearnsHowItsPodFares(t *testing.T) {
	pod := tenantPod()
	pod.Spec.NodeName = "hc1-1"
	s, onHost, inTenant := pair(t, pod)
	if err := s.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	running := hostPodOf(t, onHost)
	running.Spec.NodeName, running.Status.Phase, running.Status.PodIP = "hc1-1", core.PodRunning, "10.244.1.9"
	if err := onHost.Tracker().Update(core.SchemeGroupVersion.WithResource("pods"), running, "vc-demo"); err != nil {
		t.Fatal(err)
	}
	if err := s.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	told, err := inTenant.CoreV1().Pods(namespace).Get(t.Context(), pod.Name, meta.GetOptions{})
	if err != nil || told.Status.Phase != core.PodRunning || told.Status.PodIP != "10.244.1.9" {
		t.Fatalf("status %+v, error %v", told.Status, err)
	}
}

func TestAPodWithoutOneInTheTenantIsRemoved(t *testing.T) {
	s, onHost, inTenant := pair(t, tenantPod())
	if err := s.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := inTenant.CoreV1().Pods(namespace).Delete(t.Context(), "coredns-a", meta.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if err := s.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := onHost.CoreV1().Pods("vc-demo").Get(t.Context(), hostPodName, meta.GetOptions{}); !apierrors.IsNotFound(err) {
		t.Fatalf("got %v", err)
	}
}

func TestTheTenantsServiceHasTheHostsAddress(t *testing.T) {
	s, onHost, inTenant := pair(t)
	onHost.PrependReactor("create", "services", func(action clienttesting.Action) (bool, runtime.Object, error) {
		action.(clienttesting.CreateAction).GetObject().(*core.Service).Spec.ClusterIP = "10.96.1.53"
		return false, nil, nil
	})
	if err := s.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	found, err := inTenant.CoreV1().Services(namespace).Get(t.Context(), "kube-dns", meta.GetOptions{})
	if err != nil || found.Spec.ClusterIP != "10.96.1.53" {
		t.Fatalf("service %+v, error %v", found, err)
	}
}

func TestWhatTheTenantChangedStays(t *testing.T) {
	mine := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: "coredns", Namespace: namespace}, Data: map[string]string{"Corefile": "mine"}}
	s, onHost, _ := pair(t, mine)
	if err := s.step(t.Context()); err != nil {
		t.Fatal(err)
	}
	copied, err := onHost.CoreV1().ConfigMaps("vc-demo").Get(t.Context(), "coredns-x-kube-system-x-demo", meta.GetOptions{})
	if err != nil || copied.Data["Corefile"] != "mine" {
		t.Fatalf("copy %+v, error %v", copied, err)
	}
}

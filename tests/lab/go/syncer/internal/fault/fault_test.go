package fault

import (
	"context"
	"net"
	"testing"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	ktesting "k8s.io/client-go/testing"

	"lab/syncer/internal/config"
	"lab/syncer/internal/host"
)

func TestAFaultIsThatOfAnImageOfThePod(t *testing.T) {
	pod := &core.Pod{
		ObjectMeta: meta.ObjectMeta{Name: "demo-0", Namespace: "vc-demo"},
		Spec: core.PodSpec{
			InitContainers: []core.Container{{Image: "ghcr.io/loft-sh/kubernetes:v1.36.3"}},
			Containers:     []core.Container{{Image: "ghcr.io/loft-sh/vcluster-pro:0.36.1"}},
		},
	}
	for _, test := range []struct {
		asked map[string]string
		want  Fault
		wrong bool
	}{
		{nil, None, false},
		{map[string]string{"0.35.3": "crashes"}, None, false},
		{map[string]string{"0.36.1": "refuses"}, Refuses, false},
		{map[string]string{"v1.36.3": "stalls"}, Stalls, false},
		{map[string]string{"0.36.1": "sings"}, None, true},
	} {
		client := fake.NewClientset(pod)
		if test.asked != nil {
			faults := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{Name: name, Namespace: "vc-demo"}, Data: test.asked}
			client = fake.NewClientset(pod, faults)
		}
		h := host.Host{Client: client, Pod: config.Pod{Name: "demo-0", Namespace: "vc-demo"}}
		got, err := Of(context.Background(), h)
		if got != test.want || (err != nil) != test.wrong {
			t.Errorf("%v: %q, error %v", test.asked, got, err)
		}
	}
}

func TestWritesAreRefusedOnce(t *testing.T) {
	tenant := fake.NewClientset()
	asked := 0
	tenant.PrependReactor("create", "configmaps", func(ktesting.Action) (bool, runtime.Object, error) {
		if asked++; asked == 1 {
			return true, &core.ConfigMap{}, nil // not yet in force
		}
		return true, nil, apierrors.NewInvalid(schema.GroupKind{Kind: "ConfigMap"}, "", nil)
	})
	for range 2 {
		if err := RefuseWrites(context.Background(), tenant); err != nil {
			t.Fatal(err)
		}
	}
	found, err := tenant.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Get(context.Background(), policy, meta.GetOptions{})
	if err != nil || found.Spec.PolicyName != policy || asked != 3 {
		t.Fatalf("%v, asked %d times, error %v", found, asked, err)
	}
}

func TestWritesWaitForWhatDoesNotAnswer(t *testing.T) {
	tenant := fake.NewClientset()
	for range 2 { // the object is still there when a pod starts again
		waiting, err := SlowWrites(context.Background(), tenant)
		if err != nil {
			t.Fatal(err)
		}
		if connection, err := net.Dial("tcp", idle); err != nil {
			t.Error(err)
		} else if err := connection.Close(); err != nil {
			t.Error(err)
		}
		if err := waiting.Close(); err != nil {
			t.Fatal(err)
		}
	}
	found, err := tenant.AdmissionregistrationV1().ValidatingWebhookConfigurations().Get(context.Background(), webhook, meta.GetOptions{})
	if err != nil || len(found.Webhooks) != 1 || *found.Webhooks[0].ClientConfig.URL != "https://"+idle {
		t.Fatalf("%v, error %v", found, err)
	}
}

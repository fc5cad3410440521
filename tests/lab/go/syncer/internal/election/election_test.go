package election

import (
	"context"
	"errors"
	"testing"
	"time"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"lab/syncer/internal/config"
	"lab/syncer/internal/host"
)

var quick = config.HighAvailability{Replicas: 3, LeaseDuration: 3, RenewDeadline: 2, RetryPeriod: 1}

func replica(client *fake.Clientset, name string) host.Host {
	return host.Host{Client: client, Pod: config.Pod{VCluster: "demo", Namespace: "vc-demo", Name: name}}
}

func TestOneReplicaLeadsWithoutALease(t *testing.T) {
	client := fake.NewClientset()
	called := false
	err := Lead(t.Context(), replica(client, "demo-0"), config.HighAvailability{Replicas: 1}, func(context.Context) error {
		called = true
		return nil
	})
	if err != nil || !called || len(client.Actions()) != 0 {
		t.Fatalf("called %v, error %v, requests %v", called, err, client.Actions())
	}
}

func TestTheLeaseNamesItsHolderAndLosingItIsAnError(t *testing.T) {
	client := fake.NewClientset()
	leading := make(chan struct{})
	lost := make(chan error, 1)
	go func() {
		lost <- Lead(t.Context(), replica(client, "demo-a"), quick, func(ctx context.Context) error {
			close(leading)
			<-ctx.Done()
			return nil
		})
	}()
	<-leading
	leases := client.CoordinationV1().Leases("vc-demo")
	lease, err := leases.Get(t.Context(), "vcluster-demo-controller", meta.GetOptions{})
	if err != nil || *lease.Spec.HolderIdentity != "demo-a-external-vcluster-controller" || *lease.Spec.LeaseDurationSeconds != 3 {
		t.Fatalf("lease %+v, error %v", lease, err)
	}
	client.PrependReactor("update", "leases", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("the host cluster is away")
	})
	select {
	case err := <-lost:
		if !errors.Is(err, ErrLost) {
			t.Fatalf("got %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the lead was never lost")
	}
}

func TestAFailureOfTheLeaderEndsIt(t *testing.T) {
	broken := errors.New("broken")
	err := Lead(t.Context(), replica(fake.NewClientset(), "demo-a"), quick, func(context.Context) error { return broken })
	if !errors.Is(err, broken) {
		t.Fatalf("got %v", err)
	}
}

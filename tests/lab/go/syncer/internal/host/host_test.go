package host

import (
	"errors"
	"strings"
	"testing"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"lab/syncer/internal/config"
)

func service(name string) *core.Service {
	return &core.Service{ObjectMeta: meta.ObjectMeta{
		Name: name, Namespace: "vc-demo", UID: "u1", Labels: map[string]string{"vcluster.loft.sh/service": "true"},
	}}
}

func hostWith(objects ...runtime.Object) (Host, *fake.Clientset) {
	client := fake.NewClientset(objects...)
	pod := config.Pod{VCluster: "demo", Namespace: "vc-demo", Name: "demo-0", IP: "10.0.0.1"}
	return Host{Client: client, Pod: pod, SetOwner: true}, client
}

func TestANeighbourIsRefusedByName(t *testing.T) {
	alone, _ := hostWith(service("demo"))
	if err := alone.RefuseNeighbour(t.Context()); err != nil {
		t.Fatal(err)
	}
	two, _ := hostWith(service("demo"), service("other"))
	if err := two.RefuseNeighbour(t.Context()); err == nil || !strings.Contains(err.Error(), `"other"`) {
		t.Fatalf("got %v", err)
	}
}

func TestTheFirstReplicaMakesTheCertificates(t *testing.T) {
	host, client := hostWith(service("demo"))
	mine := func(map[string][]byte) (map[string][]byte, error) {
		return map[string][]byte{"ca.crt": []byte("mine")}, nil
	}
	files, err := host.Certificates(t.Context(), mine)
	if err != nil || string(files["ca.crt"]) != "mine" {
		t.Fatalf("files %v, error %v", files, err)
	}
	secret, err := client.CoreV1().Secrets("vc-demo").Get(t.Context(), "demo-certs", meta.GetOptions{})
	if err != nil || secret.Labels["vcluster-name"] != "demo" || secret.OwnerReferences[0].Name != "demo" {
		t.Fatalf("secret %+v, error %v", secret, err)
	}
	late := func(there map[string][]byte) (map[string][]byte, error) {
		if there == nil {
			return nil, errors.New("made them again")
		}
		return there, nil
	}
	if _, err := host.Certificates(t.Context(), late); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsMissingIsCompleted(t *testing.T) {
	host, client := hostWith(service("demo"), &core.Secret{
		ObjectMeta: meta.ObjectMeta{Name: "demo-certs", Namespace: "vc-demo"},
		Data:       map[string][]byte{"ca.crt": []byte("theirs")},
	})
	files, err := host.Certificates(t.Context(), func(there map[string][]byte) (map[string][]byte, error) {
		return map[string][]byte{"ca.crt": there["ca.crt"], "apiserver.crt": []byte("new")}, nil
	})
	if err != nil || string(files["apiserver.crt"]) != "new" {
		t.Fatalf("files %v, error %v", files, err)
	}
	secret, err := client.CoreV1().Secrets("vc-demo").Get(t.Context(), "demo-certs", meta.GetOptions{})
	if err != nil || string(secret.Data["ca.crt"]) != "theirs" || string(secret.Data["apiserver.crt"]) != "new" {
		t.Fatalf("secret %+v, error %v", secret, err)
	}
}

func TestTheReplicaThatComesSecondTakesWhatIsThere(t *testing.T) {
	host, client := hostWith(service("demo"))
	files, err := host.Certificates(t.Context(), func(map[string][]byte) (map[string][]byte, error) {
		// Another replica writes between our look and our write.
		theirs := &core.Secret{ObjectMeta: meta.ObjectMeta{Name: "demo-certs", Namespace: "vc-demo"}, Data: map[string][]byte{"ca.crt": []byte("theirs")}}
		return map[string][]byte{"ca.crt": []byte("mine")}, client.Tracker().Add(theirs)
	})
	if err != nil || string(files["ca.crt"]) != "theirs" {
		t.Fatalf("files %v, error %v", files, err)
	}
}

func TestServiceCIDRComesFromTheRefusalAndIsKept(t *testing.T) {
	host, client := hostWith(service("demo"))
	client.PrependReactor("create", "services", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewInvalid(schema.GroupKind{Kind: "Service"}, "x", nil)
	})
	if _, err := host.ServiceCIDR(t.Context(), service("demo")); err == nil {
		t.Fatal("an answer without a range was accepted")
	}
	client.PrependReactor("create", "services", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("the provided IP (4.4.4.4) is not in the valid range. The range of valid IPs is 10.96.7.0/24")
	})
	cidr, err := host.ServiceCIDR(t.Context(), service("demo"))
	if err != nil || cidr != "10.96.7.0/24" {
		t.Fatalf("range %q, error %v", cidr, err)
	}
	kept, err := host.Service(t.Context())
	if err != nil || kept.Annotations[CIDRAnnotation] != cidr {
		t.Fatalf("annotations %v, error %v", kept.Annotations, err)
	}
}

func TestShortName(t *testing.T) {
	if got := ShortName("vcluster", "demo", "controller"); got != "vcluster-demo-controller" {
		t.Fatal(got)
	}
	long := ShortName("vcluster", strings.Repeat("n", 53), "controller")
	if len(long) != 63 || !strings.HasPrefix(long, "vcluster-nnn") {
		t.Fatal(long)
	}
}

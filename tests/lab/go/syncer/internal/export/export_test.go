package export

import (
	"testing"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/tools/clientcmd"

	"lab/syncer/internal/config"
	"lab/syncer/internal/host"
	"lab/syncer/internal/pki"
)

func write(t *testing.T, choice config.ExportKubeConfig) (*fake.Clientset, error) {
	t.Helper()
	files, err := pki.Generate("demo", "vc-demo", nil)
	if err != nil {
		t.Fatal(err)
	}
	client := fake.NewClientset(&core.Service{ObjectMeta: meta.ObjectMeta{Name: "demo", Namespace: "vc-demo", UID: "u1"}})
	h := host.Host{Client: client, SetOwner: true, Pod: config.Pod{VCluster: "demo", Namespace: "vc-demo"}}
	for range 2 { // the second leader finds the Secrets of the first
		if err = Write(t.Context(), h, choice, files["admin.conf"]); err != nil {
			break
		}
	}
	return client, err
}

func get(t *testing.T, client *fake.Clientset, namespace, name string) *core.Secret {
	t.Helper()
	secret, err := client.CoreV1().Secrets(namespace).Get(t.Context(), name, meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

func TestDefaults(t *testing.T) {
	client, err := write(t, config.ExportKubeConfig{})
	if err != nil {
		t.Fatal(err)
	}
	secret := get(t, client, "vc-demo", "vc-demo")
	for _, key := range []string{"config", "certificate-authority", "client-certificate", "client-key"} {
		if len(secret.Data[key]) == 0 {
			t.Errorf("%s is empty", key)
		}
	}
	rest, err := clientcmd.RESTConfigFromKubeConfig(secret.Data["config"])
	if err != nil || rest.Host != "https://localhost:8443" {
		t.Fatalf("server %v, error %v", rest, err)
	}
	if len(secret.OwnerReferences) != 1 || secret.Labels["vcluster-name"] != "demo" {
		t.Fatalf("metadata %+v", secret.ObjectMeta)
	}
}

func TestChoicesAndAdditionalSecrets(t *testing.T) {
	var choice config.ExportKubeConfig
	choice.Server, choice.Context = "https://demo.example.net", "mine"
	more := config.AdditionalSecret{Name: "robot", Namespace: "elsewhere"}
	more.Insecure = true
	choice.AdditionalSecrets = []config.AdditionalSecret{more}
	client, err := write(t, choice)
	if err != nil {
		t.Fatal(err)
	}
	own, err := clientcmd.Load(get(t, client, "vc-demo", "vc-demo").Data["config"])
	if err != nil || own.CurrentContext != "mine" || own.Clusters["mine"].Server != "https://demo.example.net" {
		t.Fatalf("kubeconfig %+v, error %v", own, err)
	}
	robot := get(t, client, "elsewhere", "robot")
	rest, err := clientcmd.RESTConfigFromKubeConfig(robot.Data["config"])
	if err != nil || !rest.Insecure || rest.Host != "https://localhost:8443" || len(robot.OwnerReferences) != 0 {
		t.Fatalf("robot %+v, error %v", rest, err)
	}
}

func TestAServerWithoutSchemeIsRefused(t *testing.T) {
	var choice config.ExportKubeConfig
	choice.Server = "demo.example.net"
	if _, err := write(t, choice); err == nil {
		t.Fatal("accepted")
	}
}

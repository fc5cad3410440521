package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func parse(t *testing.T, text string) *Values {
	t.Helper()
	values, err := ParseValues([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

func TestRefuse(t *testing.T) {
	const replicas = "statefulSet: {highAvailability: {replicas: 3}}"
	for name, test := range map[string]struct{ values, want string }{
		"SQLite with one replica":    {"controlPlane: {}", ""},
		"SQLite with three replicas": {"controlPlane: {" + replicas + "}", "embedded database is not supported with multiple replicas"},
		"deployed etcd":              {"controlPlane: {backingStore: {etcd: {deploy: {enabled: true}}}, " + replicas + "}", ""},
		"embedded etcd":              {"controlPlane: {backingStore: {etcd: {embedded: {enabled: true}}}}", "'Embedded etcd' (vcp-distro-embedded-etcd)"},
		"external database":          {"controlPlane: {backingStore: {database: {external: {enabled: true}}}}", "configure external database: you are trying to use a vCluster pro feature"},
		"external etcd, no endpoint": {"controlPlane: {backingStore: {etcd: {external: {enabled: true}}}}", "endpoint is empty"},
		"service account export":     {"exportKubeConfig: {additionalSecrets: [{name: a, serviceAccount: {name: b}}]}", "no service accounts"},
	} {
		t.Run(name, func(t *testing.T) {
			err := parse(t, test.values).Refuse()
			if test.want == "" && err != nil {
				t.Fatalf("refused: %v", err)
			}
			if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
				t.Fatalf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestKindFollowsTheVendorsPrecedence(t *testing.T) {
	const all = "controlPlane: {backingStore: {database: {embedded: {enabled: true}, external: {enabled: true}}, etcd: {deploy: {enabled: true}, external: {enabled: true}, embedded: {enabled: true}}}}"
	store := parse(t, all).ControlPlane.BackingStore
	off := []struct {
		want    Store
		enabled *bool
	}{
		{EmbeddedEtcd, &store.Etcd.Embedded.Enabled},
		{ExternalEtcd, &store.Etcd.External.Enabled},
		{DeployedEtcd, &store.Etcd.Deploy.Enabled},
		{SQLite, &store.Database.Embedded.Enabled},
		{ExternalSQL, &store.Database.External.Enabled},
	}
	for _, step := range off {
		if got := store.Kind(); got != step.want {
			t.Fatalf("got %s, want %s", got, step.want)
		}
		*step.enabled = false
	}
	if got := store.Kind(); got != SQLite {
		t.Fatalf("without any store: %s", got)
	}
}

func TestReadPodNeedsItsEnvironment(t *testing.T) {
	file := filepath.Join(t.TempDir(), "namespace")
	if err := os.WriteFile(file, []byte("vc-a"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"VCLUSTER_NAME": "a", "POD_NAME": "a-0", "POD_IP": "10.0.0.1"}
	pod, err := ReadPod(func(k string) string { return env[k] }, file)
	if err != nil || pod.Namespace != "vc-a" || pod.Name != "a-0" {
		t.Fatalf("pod %+v, error %v", pod, err)
	}
	delete(env, "POD_IP")
	if _, err := ReadPod(func(k string) string { return env[k] }, file); err == nil {
		t.Fatal("a pod without address was accepted")
	}
}

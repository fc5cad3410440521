// Package config reads what the chart put into the Secret vc-config-NAME and the environment of
// the pod, and refuses what the vendor's program refuses when its pod starts.
package config

import (
	"errors"
	"fmt"
	"os"
	"time"

	"sigs.k8s.io/yaml"
)

// Path is where the chart mounts the Secret vc-config-NAME.
const Path = "/var/lib/vcluster/config.yaml"

// Values are the chart's values that the stand-in acts on; it knows nothing of all others.
type Values struct {
	ControlPlane     ControlPlane     `json:"controlPlane"`
	ExportKubeConfig ExportKubeConfig `json:"exportKubeConfig"`
	Experimental     struct {
		SyncSettings struct {
			SetOwner bool `json:"setOwner"`
		} `json:"syncSettings"`
	} `json:"experimental"`
}

// ControlPlane is the part of the values below controlPlane.
type ControlPlane struct {
	BackingStore BackingStore `json:"backingStore"`
	CoreDNS      CoreDNS      `json:"coredns"`
	Distro       struct {
		K8s struct {
			APIServer         Component `json:"apiServer"`
			ControllerManager Component `json:"controllerManager"`
		} `json:"k8s"`
	} `json:"distro"`
	Ingress struct {
		Host string `json:"host"`
	} `json:"ingress"`
	Proxy struct {
		ExtraSANs []string `json:"extraSANs"`
	} `json:"proxy"`
	StatefulSet struct {
		HighAvailability HighAvailability `json:"highAvailability"`
	} `json:"statefulSet"`
}

// Component is one program of the tenant's control plane.
type Component struct {
	ExtraArgs []string `json:"extraArgs"`
}

// HighAvailability holds the number of replicas and the times of the election, in seconds.
type HighAvailability struct {
	Replicas      int `json:"replicas"`
	LeaseDuration int `json:"leaseDuration"`
	RenewDeadline int `json:"renewDeadline"`
	RetryPeriod   int `json:"retryPeriod"`
}

// Times returns lease duration, renew deadline and retry period.
func (h HighAvailability) Times() (lease, renew, retry time.Duration) {
	second := func(n int) time.Duration { return time.Duration(n) * time.Second }
	return second(h.LeaseDuration), second(h.RenewDeadline), second(h.RetryPeriod)
}

// CoreDNS says whether and how the tenant gets a DNS server.
type CoreDNS struct {
	Enabled    bool `json:"enabled"`
	Embedded   bool `json:"embedded"`
	Deployment struct {
		Image    string `json:"image"`
		Replicas int32  `json:"replicas"`
	} `json:"deployment"`
}

// ExportKubeConfig says how the kubeconfig in the Secret vc-NAME looks, and who gets more of them.
type ExportKubeConfig struct {
	Kubeconfig
	AdditionalSecrets []AdditionalSecret `json:"additionalSecrets"`
}

// Kubeconfig is what can be chosen for one kubeconfig.
type Kubeconfig struct {
	Context        string `json:"context"`
	Server         string `json:"server"`
	Insecure       bool   `json:"insecure"`
	ServiceAccount struct {
		Name string `json:"name"`
	} `json:"serviceAccount"`
}

// AdditionalSecret is a further Secret with a kubeconfig; no namespace means the vCluster's own.
type AdditionalSecret struct {
	Kubeconfig
	Name      string `json:"name"`
	Namespace string `json:"namespace"`
}

// Pod is the pod this program runs in, as the chart tells it by environment variables.
type Pod struct {
	VCluster  string // name of the release, which is the name of the vCluster
	Namespace string
	Name      string
	IP        string
	Node      string
}

// ReadValues reads and parses the file at path.
func ReadValues(path string) (*Values, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the values of the chart: %w", err)
	}
	return ParseValues(text)
}

// ParseValues parses the YAML text of the chart's values.
func ParseValues(text []byte) (*Values, error) {
	values := &Values{}
	if err := yaml.Unmarshal(text, values); err != nil {
		return nil, fmt.Errorf("parse the values of the chart: %w", err)
	}
	return values, nil
}

// ReadPod collects what the environment and the service account tell about this pod.
func ReadPod(getenv func(string) string, namespaceFile string) (Pod, error) {
	pod := Pod{
		VCluster: getenv("VCLUSTER_NAME"),
		Name:     getenv("POD_NAME"),
		IP:       getenv("POD_IP"),
		Node:     getenv("NODE_NAME"),
	}
	namespace, err := os.ReadFile(namespaceFile)
	if err != nil {
		return pod, fmt.Errorf("read the namespace of the pod: %w", err)
	}
	pod.Namespace = string(namespace)
	if pod.VCluster == "" || pod.Name == "" || pod.IP == "" {
		return pod, errors.New("VCLUSTER_NAME, POD_NAME and POD_IP must be set in the environment")
	}
	return pod, nil
}

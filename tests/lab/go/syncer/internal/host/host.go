// Package host deals with the vCluster's own objects in its namespace on the host cluster.
package host

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"lab/syncer/internal/config"
)

// CIDRAnnotation is where the Service of the vCluster remembers the host's range of Service IPs.
const CIDRAnnotation = "vcluster.loft.sh/service-cidr"

// Host reads and writes in the namespace of the vCluster, with the rights of the chart's Role.
type Host struct {
	Client   kubernetes.Interface
	Pod      config.Pod
	SetOwner bool
}

// Labels are those of the Secrets that the vCluster makes for itself.
func (h Host) Labels() map[string]string {
	return map[string]string{"app": "vcluster", "vcluster-name": h.Pod.VCluster}
}

// Service returns the Service of the vCluster, which owns what the chart does not.
func (h Host) Service(ctx context.Context) (*core.Service, error) {
	service, err := h.Client.CoreV1().Services(h.Pod.Namespace).Get(ctx, h.Pod.VCluster, meta.GetOptions{})
	if err != nil {
		return nil, fmt.Errorf("get the Service %s/%s: %w", h.Pod.Namespace, h.Pod.VCluster, err)
	}
	return service, nil
}

// Owners returns the reference to the Service that removes an object along with the release.
func (h Host) Owners(service *core.Service) []meta.OwnerReference {
	if !h.SetOwner {
		return nil
	}
	return []meta.OwnerReference{{
		APIVersion: "v1", Kind: "Service", Name: service.Name, UID: service.UID, Controller: ptr.To(false),
	}}
}

// RefuseNeighbour returns an error if another vCluster lives in the namespace.
func (h Host) RefuseNeighbour(ctx context.Context) error {
	services, err := h.Client.CoreV1().Services(h.Pod.Namespace).List(ctx, meta.ListOptions{LabelSelector: "vcluster.loft.sh/service=true"})
	if err != nil {
		return fmt.Errorf("list the Services in %s: %w", h.Pod.Namespace, err)
	}
	for _, service := range services.Items {
		if service.Name != h.Pod.VCluster {
			return fmt.Errorf("there is already a virtual cluster %q in namespace %q: only one is supported in each namespace",
				service.Name, h.Pod.Namespace)
		}
	}
	return nil
}

// Certificates returns the content of the Secret NAME-certs. The first replica that gets to write
// makes it with generate, which is given what is there; all others take what it wrote.
func (h Host) Certificates(
	ctx context.Context, generate func(there map[string][]byte) (map[string][]byte, error),
) (map[string][]byte, error) {
	secrets := h.Client.CoreV1().Secrets(h.Pod.Namespace)
	name := h.Pod.VCluster + "-certs"
	secret, err := secrets.Get(ctx, name, meta.GetOptions{})
	if err == nil {
		files, err := generate(secret.Data)
		if err != nil || reflect.DeepEqual(files, secret.Data) {
			return files, err
		}
		secret.Data = files
		if _, err := secrets.Update(ctx, secret, meta.UpdateOptions{}); err != nil {
			return nil, fmt.Errorf("complete the Secret %s: %w", name, err)
		}
		return files, nil
	}
	if !apierrors.IsNotFound(err) {
		return nil, fmt.Errorf("get the Secret %s: %w", name, err)
	}
	service, err := h.Service(ctx)
	if err != nil {
		return nil, err
	}
	files, err := generate(nil)
	if err != nil {
		return nil, err
	}
	_, err = secrets.Create(ctx, &core.Secret{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: h.Labels(), OwnerReferences: h.Owners(service)},
		Data:       files,
	}, meta.CreateOptions{})
	if err == nil {
		return files, nil
	}
	if !apierrors.IsAlreadyExists(err) {
		return nil, fmt.Errorf("create the Secret %s: %w", name, err)
	}
	if secret, err = secrets.Get(ctx, name, meta.GetOptions{}); err != nil {
		return nil, fmt.Errorf("get the Secret %s that another replica made: %w", name, err)
	}
	return secret.Data, nil
}

var rangeInError = regexp.MustCompile(`range of valid IPs is ([0-9a-f.:/]+)`)

// ServiceCIDR returns the range of Service IPs of the host cluster. Nothing tells it to an ordinary
// client, except the refusal of an address outside it; the answer is kept as an annotation.
func (h Host) ServiceCIDR(ctx context.Context, service *core.Service) (string, error) {
	if known := service.Annotations[CIDRAnnotation]; known != "" {
		return known, nil
	}
	probe := &core.Service{
		ObjectMeta: meta.ObjectMeta{GenerateName: "test-service-delete-me-"},
		Spec:       core.ServiceSpec{ClusterIP: "4.4.4.4", Ports: []core.ServicePort{{Port: 80}}},
	}
	_, err := h.Client.CoreV1().Services(h.Pod.Namespace).Create(ctx, probe, meta.CreateOptions{DryRun: []string{meta.DryRunAll}})
	if err == nil {
		return "", fmt.Errorf("find the range of Service IPs: the host cluster has 4.4.4.4 in it")
	}
	found := rangeInError.FindStringSubmatch(err.Error())
	if found == nil {
		return "", fmt.Errorf("find the range of Service IPs in the host cluster's answer: %w", err)
	}
	return found[1], h.annotate(ctx, service.Name, CIDRAnnotation, found[1])
}

func (h Host) annotate(ctx context.Context, service, key, value string) error {
	patch, err := json.Marshal(map[string]any{"metadata": map[string]any{"annotations": map[string]string{key: value}}})
	if err != nil {
		return err
	}
	_, err = h.Client.CoreV1().Services(h.Pod.Namespace).Patch(ctx, service, types.MergePatchType, patch, meta.PatchOptions{})
	if err != nil {
		return fmt.Errorf("annotate the Service %s: %w", service, err)
	}
	return nil
}

// ShortName joins the parts with dashes; where that is longer than the 63 characters of a label it
// ends in a hash instead, by the vendor's rule.
func ShortName(parts ...string) string {
	name := strings.Join(parts, "-")
	if len(name) <= 63 {
		return name
	}
	digest := sha256.Sum256([]byte(name))
	return strings.ReplaceAll(name[:52]+"-"+hex.EncodeToString(digest[:])[:10], ".-", "-")
}

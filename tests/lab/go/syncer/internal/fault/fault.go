// Package fault makes a release misbehave where a test asks for it: by the ConfigMap lab-faults in
// the namespace of the vCluster, whose keys are tags of images and whose values are faults.
package fault

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	admission "k8s.io/api/admissionregistration/v1"
	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"

	"lab/syncer/internal/host"
)

// Fault is what a release does wrong.
type Fault string

// The faults.
const (
	None    Fault = ""
	Crashes Fault = "crashes" // ends soon after every start
	Refuses Fault = "refuses" // is ready, and takes no ConfigMap of a tenant
	Stalls  Fault = "stalls"  // takes a ConfigMap of a tenant after a while
)

const (
	name   = "lab-faults"
	policy = "lab-refuses-writes"
	every  = 100 * time.Millisecond

	webhook = "lab-slow-writes.example.net"
	idle    = "127.0.0.1:18443" // the pod's own
	seconds = 15                // that each write takes
	// What the control plane writes for itself; a proof writes there too.
	own = "request.namespace == 'kube-system' && !request.name.startsWith('fleetops-')"
)

// written are the ConfigMaps that are made or changed.
var written = admission.RuleWithOperations{
	Operations: []admission.OperationType{admission.Create, admission.Update},
	Rule:       admission.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
}

// Of returns the fault of the images that this pod runs.
func Of(ctx context.Context, h host.Host) (Fault, error) {
	asked, err := h.Client.CoreV1().ConfigMaps(h.Pod.Namespace).Get(ctx, name, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		return None, nil
	}
	if err != nil {
		return None, fmt.Errorf("get the ConfigMap %s: %w", name, err)
	}
	pod, err := h.Client.CoreV1().Pods(h.Pod.Namespace).Get(ctx, h.Pod.Name, meta.GetOptions{})
	if err != nil {
		return None, fmt.Errorf("get the pod %s: %w", h.Pod.Name, err)
	}
	for _, container := range slices.Concat(pod.Spec.InitContainers, pod.Spec.Containers) {
		tag := container.Image[strings.LastIndex(container.Image, ":")+1:]
		found := Fault(asked.Data[tag])
		switch found {
		case None:
		case Crashes, Refuses, Stalls:
			return found, nil
		default:
			return None, fmt.Errorf("the ConfigMap %s asks for %q, which is no fault", name, found)
		}
	}
	return None, nil
}

// RefuseWrites lets nobody but the control plane itself make or change a ConfigMap, and returns when that is so.
func RefuseWrites(ctx context.Context, tenant kubernetes.Interface) error {
	_, err := tenant.AdmissionregistrationV1().ValidatingAdmissionPolicies().Create(ctx, &admission.ValidatingAdmissionPolicy{
		ObjectMeta: meta.ObjectMeta{Name: policy},
		Spec: admission.ValidatingAdmissionPolicySpec{
			FailurePolicy: ptr.To(admission.Fail),
			MatchConstraints: &admission.MatchResources{
				ResourceRules: []admission.NamedRuleWithOperations{{RuleWithOperations: written}},
			},
			Validations: []admission.Validation{{Expression: own, Message: "this release takes no writes"}},
		},
	}, meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("make the policy %s: %w", policy, err)
	}
	_, err = tenant.AdmissionregistrationV1().ValidatingAdmissionPolicyBindings().Create(ctx, &admission.ValidatingAdmissionPolicyBinding{
		ObjectMeta: meta.ObjectMeta{Name: policy},
		Spec: admission.ValidatingAdmissionPolicyBindingSpec{
			PolicyName: policy, ValidationActions: []admission.ValidationAction{admission.Deny},
		},
	}, meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("bind the policy %s: %w", policy, err)
	}
	return wait.PollUntilContextCancel(ctx, every, true, refused(tenant))
}

// SlowWrites has everybody but the control plane itself wait for a ConfigMap: the API server asks what
// is returned for each, gets no answer, and goes on after a while.
func SlowWrites(ctx context.Context, tenant kubernetes.Interface) (io.Closer, error) {
	listener, err := net.Listen("tcp", idle)
	if err != nil {
		return nil, fmt.Errorf("listen for what is to wait: %w", err)
	}
	_, err = tenant.AdmissionregistrationV1().ValidatingWebhookConfigurations().Create(ctx, &admission.ValidatingWebhookConfiguration{
		ObjectMeta: meta.ObjectMeta{Name: webhook},
		Webhooks: []admission.ValidatingWebhook{{
			Name:                    webhook,
			ClientConfig:            admission.WebhookClientConfig{URL: ptr.To("https://" + idle)},
			Rules:                   []admission.RuleWithOperations{written},
			MatchConditions:         []admission.MatchCondition{{Name: "tenants", Expression: "!(" + own + ")"}},
			FailurePolicy:           ptr.To(admission.Ignore),
			SideEffects:             ptr.To(admission.SideEffectClassNone),
			TimeoutSeconds:          ptr.To[int32](seconds),
			AdmissionReviewVersions: []string{"v1"},
		}},
	}, meta.CreateOptions{})
	if err != nil && !apierrors.IsAlreadyExists(err) {
		return nil, errors.Join(fmt.Errorf("make the webhook %s: %w", webhook, err), listener.Close())
	}
	return listener, nil
}

// refused tells whether the policy is in force: an API server takes a moment for that.
func refused(tenant kubernetes.Interface) wait.ConditionWithContextFunc {
	asked := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{GenerateName: "lab-refuses-"}}
	dry := meta.CreateOptions{DryRun: []string{meta.DryRunAll}}
	return func(ctx context.Context) (bool, error) {
		_, err := tenant.CoreV1().ConfigMaps("default").Create(ctx, asked, dry)
		return apierrors.IsInvalid(err), nil
	}
}

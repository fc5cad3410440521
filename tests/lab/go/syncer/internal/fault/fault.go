// Package fault makes a release misbehave where a test asks for it: by the ConfigMap lab-faults in
// the namespace of the vCluster, whose keys are tags of images and whose values are faults.
package fault

import (
	"context"
	"fmt"
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
	Stalls  Fault = "stalls"  // answers now and then
)

const (
	name   = "lab-faults"
	policy = "lab-refuses-writes"
	every  = 100 * time.Millisecond
)

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
				ResourceRules: []admission.NamedRuleWithOperations{{RuleWithOperations: admission.RuleWithOperations{
					Operations: []admission.OperationType{admission.Create, admission.Update},
					Rule:       admission.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
				}}},
			},
			Validations: []admission.Validation{{
				// What the control plane writes for itself there goes on; what a proof writes there does not.
				Expression: "request.namespace == 'kube-system' && !request.name.startsWith('fleetops-')",
				Message:    "this release takes no writes",
			}},
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

// refused tells whether the policy is in force: an API server takes a moment for that.
func refused(tenant kubernetes.Interface) wait.ConditionWithContextFunc {
	asked := &core.ConfigMap{ObjectMeta: meta.ObjectMeta{GenerateName: "lab-refuses-"}}
	dry := meta.CreateOptions{DryRun: []string{meta.DryRunAll}}
	return func(ctx context.Context) (bool, error) {
		_, err := tenant.CoreV1().ConfigMaps("default").Create(ctx, asked, dry)
		return apierrors.IsInvalid(err), nil
	}
}

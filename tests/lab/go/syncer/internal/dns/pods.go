package dns

import (
	"context"
	"fmt"

	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"lab/syncer/internal/host"
)

// syncPods makes one pod on the host for each of the tenant's, removes those without, and tells
// the tenant how its pods fare.
func (s *Syncer) syncPods(ctx context.Context) error {
	options := meta.ListOptions{LabelSelector: appLabel + "=" + appName}
	wanted, err := s.Tenant.CoreV1().Pods(namespace).List(ctx, options)
	if err != nil {
		return fmt.Errorf("list the tenant's pods of CoreDNS: %w", err)
	}
	options.LabelSelector += "," + managedBy + "=" + s.Host.Pod.VCluster
	found, err := s.Host.Client.CoreV1().Pods(s.Host.Pod.Namespace).List(ctx, options)
	if err != nil {
		return fmt.Errorf("list the host's pods of CoreDNS: %w", err)
	}
	running := map[string]*core.Pod{}
	for i := range found.Items {
		running[found.Items[i].Name] = &found.Items[i]
	}
	for i := range wanted.Items {
		pod := &wanted.Items[i]
		name := s.hostName(pod.Name)
		err := s.syncPod(ctx, pod, running[name])
		if err != nil {
			return err
		}
		if pod.DeletionTimestamp == nil {
			delete(running, name)
		}
	}
	for name := range running {
		err := s.Host.Client.CoreV1().Pods(s.Host.Pod.Namespace).Delete(ctx, name, meta.DeleteOptions{})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete the pod %s on the host: %w", name, err)
		}
	}
	return nil
}

// syncPod deals with one pod of the tenant; running is its pod on the host, or nil.
func (s *Syncer) syncPod(ctx context.Context, pod, running *core.Pod) error {
	pods := s.Tenant.CoreV1().Pods(namespace)
	switch {
	case pod.DeletionTimestamp != nil && running == nil:
		err := pods.Delete(ctx, pod.Name, meta.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0)})
		if err != nil && !apierrors.IsNotFound(err) {
			return fmt.Errorf("delete the tenant's pod %s: %w", pod.Name, err)
		}
		return nil
	case pod.DeletionTimestamp != nil:
		return nil
	case running == nil:
		token, err := s.token(ctx, pod)
		if err != nil {
			return err
		}
		_, err = s.Host.Client.CoreV1().Pods(s.Host.Pod.Namespace).Create(ctx, s.hostPod(pod, token), meta.CreateOptions{})
		if err != nil && !apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("create the pod of %s on the host: %w", pod.Name, err)
		}
		return nil
	}
	if running.Spec.NodeName != "" && pod.Spec.NodeName == "" {
		return s.bind(ctx, pod, running.Spec.NodeName)
	}
	status := running.Status.DeepCopy()
	for i := range status.Conditions {
		status.Conditions[i].ObservedGeneration = pod.Generation
	}
	status.ObservedGeneration = pod.Generation
	if equality.Semantic.DeepEqual(&pod.Status, status) {
		return nil
	}
	changed := pod.DeepCopy()
	changed.Status = *status
	if _, err := pods.UpdateStatus(ctx, changed, meta.UpdateOptions{}); err != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("tell the tenant the status of %s: %w", pod.Name, err)
	}
	return nil
}

// bind puts the tenant's pod on the tenant's picture of the host's node. The update that follows
// brings its status.
func (s *Syncer) bind(ctx context.Context, pod *core.Pod, node string) error {
	address, err := s.ensureNodeService(ctx, node)
	if err != nil {
		return err
	}
	if err := ensure(ctx, "Node", s.Tenant.CoreV1().Nodes(), node, fakeNode(node, address)); err != nil {
		return err
	}
	err = s.Tenant.CoreV1().Pods(namespace).Bind(ctx, &core.Binding{
		ObjectMeta: meta.ObjectMeta{Name: pod.Name, Namespace: namespace},
		Target:     core.ObjectReference{Kind: "Node", Name: node},
	}, meta.CreateOptions{})
	if err != nil && !apierrors.IsConflict(err) {
		return fmt.Errorf("bind the tenant's pod %s to %s: %w", pod.Name, node, err)
	}
	return nil
}

// ensureNodeService makes the Service NAME-node-NODE: what the tenant takes for the kubelet of the
// node is the vCluster.
func (s *Syncer) ensureNodeService(ctx context.Context, node string) (string, error) {
	services := s.Host.Client.CoreV1().Services(s.Host.Pod.Namespace)
	name := host.ShortName(s.Host.Pod.VCluster, "node", node)
	found, err := services.Get(ctx, name, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		found, err = services.Create(ctx, &core.Service{
			ObjectMeta: meta.ObjectMeta{
				Name:            name,
				Labels:          map[string]string{"vcluster.loft.sh/belongs-to": s.Host.Pod.VCluster, "vcluster.loft.sh/node": node},
				OwnerReferences: s.Host.Owners(s.service),
			},
			Spec: core.ServiceSpec{
				Selector: map[string]string{"app": "vcluster", "release": s.Host.Pod.VCluster},
				Ports:    []core.ServicePort{{Name: "kubelet", Port: 10250, TargetPort: intstr.FromInt32(8443)}},
			},
		}, meta.CreateOptions{})
	}
	if err != nil {
		return "", fmt.Errorf("ensure the Service %s on the host: %w", name, err)
	}
	return found.Spec.ClusterIP, nil
}

func fakeNode(name, address string) *core.Node {
	capacity := core.ResourceList{
		"cpu": resource.MustParse("16"), "memory": resource.MustParse("32Gi"),
		"ephemeral-storage": resource.MustParse("100Gi"), "pods": resource.MustParse("110"),
	}
	return &core.Node{
		ObjectMeta: meta.ObjectMeta{Name: name, Labels: map[string]string{
			"kubernetes.io/hostname": "fake-" + name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
			"vcluster.loft.sh/fake-node": "true",
		}},
		Status: core.NodeStatus{
			Capacity: capacity, Allocatable: capacity,
			Addresses: []core.NodeAddress{
				{Type: core.NodeHostName, Address: name + ".nodes.vcluster.com"},
				{Type: core.NodeInternalIP, Address: address},
			},
			Conditions: []core.NodeCondition{{
				Type: core.NodeReady, Status: core.ConditionTrue, Reason: "KubeletReady",
				Message: "kubelet is posting ready status", LastHeartbeatTime: meta.Now(), LastTransitionTime: meta.Now(),
			}},
		},
	}
}

package dns

import (
	"maps"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"lab/syncer/internal/host"
)

const (
	managedBy       = "vcluster.loft.sh/managed-by"
	tokenAnnotation = "vcluster.loft.sh/token-coredns"
)

// hostName is the name on the host of an object of the tenant's namespace kube-system.
func (s *Syncer) hostName(name string) string {
	return host.ShortName(name, "x", namespace, "x", s.Host.Pod.VCluster)
}

// metadata marks an object on the host as the copy of one in the tenant.
func (s *Syncer) metadata(of meta.ObjectMeta, kind string) meta.ObjectMeta {
	name := s.hostName(of.Name)
	labels := map[string]string{managedBy: s.Host.Pod.VCluster, "vcluster.loft.sh/namespace": namespace}
	maps.Copy(labels, of.Labels)
	annotations := map[string]string{
		"vcluster.loft.sh/object-host-name":      name,
		"vcluster.loft.sh/object-host-namespace": s.Host.Pod.Namespace,
		"vcluster.loft.sh/object-kind":           "/v1, Kind=" + kind,
		"vcluster.loft.sh/object-name":           of.Name,
		"vcluster.loft.sh/object-namespace":      namespace,
		"vcluster.loft.sh/object-uid":            string(of.UID),
	}
	maps.Copy(annotations, of.Annotations)
	return meta.ObjectMeta{
		Name: name, Namespace: s.Host.Pod.Namespace, Labels: labels, Annotations: annotations,
		OwnerReferences: s.Host.Owners(s.service),
	}
}

func (s *Syncer) hostService() *core.Service {
	copied := service("")
	copied.ObjectMeta = s.metadata(copied.ObjectMeta, "Service")
	maps.Copy(copied.Spec.Selector, map[string]string{managedBy: s.Host.Pod.VCluster, "vcluster.loft.sh/namespace": namespace})
	return copied
}

// hostPod translates a pod of the tenant into the one that runs on the host: it keeps what runs,
// and reaches the tenant's API by the Service of the vCluster with token.
func (s *Syncer) hostPod(pod *core.Pod, token string) *core.Pod {
	metadata := s.metadata(pod.ObjectMeta, "Pod")
	metadata.Annotations["vcluster.loft.sh/name"] = pod.Name
	metadata.Annotations["vcluster.loft.sh/namespace"] = namespace
	metadata.Annotations["vcluster.loft.sh/service-account-name"] = pod.Spec.ServiceAccountName
	metadata.Annotations["vcluster.loft.sh/uid"] = string(pod.UID)
	metadata.Annotations[tokenAnnotation] = token

	address := s.service.Spec.ClusterIP
	spec := pod.Spec.DeepCopy()
	spec.NodeName = ""
	spec.Hostname = pod.Name
	spec.ServiceAccountName = "vc-workload-" + s.Host.Pod.VCluster
	spec.DeprecatedServiceAccount = ""
	no := false
	spec.AutomountServiceAccountToken, spec.EnableServiceLinks = &no, &no
	// The vendor keeps the tenant's policy, Default. Nodes of the lab have no resolver to forward
	// to, and CoreDNS does not start without one, so it asks the DNS of the host cluster.
	spec.DNSPolicy = core.DNSClusterFirst
	spec.HostAliases = append(spec.HostAliases, core.HostAlias{IP: address, Hostnames: []string{
		"kubernetes.default.svc.cluster.local", "kubernetes", "kubernetes.default", "kubernetes.default.svc",
	}})
	for i := range spec.Containers {
		spec.Containers[i].Env = append(spec.Containers[i].Env,
			core.EnvVar{Name: "KUBERNETES_SERVICE_HOST", Value: address},
			core.EnvVar{Name: "KUBERNETES_SERVICE_PORT", Value: "443"},
			core.EnvVar{Name: "KUBERNETES_SERVICE_PORT_HTTPS", Value: "443"})
	}
	for i := range spec.TopologySpreadConstraints {
		if selector := spec.TopologySpreadConstraints[i].LabelSelector; selector != nil {
			selector.MatchLabels = maps.Clone(selector.MatchLabels)
			selector.MatchLabels[managedBy] = s.Host.Pod.VCluster
			selector.MatchLabels["vcluster.loft.sh/namespace"] = namespace
		}
	}
	for i := range spec.Volumes {
		s.translateVolume(&spec.Volumes[i])
	}
	return &core.Pod{ObjectMeta: metadata, Spec: *spec}
}

// translateVolume leads to the host's copies of ConfigMaps, and to the token in the annotation:
// the host cannot mint tokens of the tenant.
func (s *Syncer) translateVolume(volume *core.Volume) {
	if volume.ConfigMap != nil {
		volume.ConfigMap.Name = s.hostName(volume.ConfigMap.Name)
	}
	if volume.Projected == nil {
		return
	}
	annotation := func(key, path string) *core.DownwardAPIProjection {
		field := &core.ObjectFieldSelector{APIVersion: "v1", FieldPath: "metadata.annotations['" + key + "']"}
		return &core.DownwardAPIProjection{Items: []core.DownwardAPIVolumeFile{{Path: path, FieldRef: field}}}
	}
	for i := range volume.Projected.Sources {
		source := &volume.Projected.Sources[i]
		switch {
		case source.ServiceAccountToken != nil:
			path := source.ServiceAccountToken.Path
			*source = core.VolumeProjection{DownwardAPI: annotation(tokenAnnotation, path)}
		case source.ConfigMap != nil:
			source.ConfigMap.Name = s.hostName(source.ConfigMap.Name)
		case source.DownwardAPI != nil:
			*source = core.VolumeProjection{DownwardAPI: annotation("vcluster.loft.sh/namespace", "namespace")}
		}
	}
}

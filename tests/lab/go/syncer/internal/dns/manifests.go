package dns

import (
	"context"
	"fmt"

	apps "k8s.io/api/apps/v1"
	core "k8s.io/api/core/v1"
	rbac "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/utils/ptr"

	"lab/syncer/internal/config"
)

// Image is the CoreDNS that the vendor's release 0.36.1 runs in a tenant.
const Image = "docker.io/coredns/coredns:1.12.1"

const (
	namespace = "kube-system"
	appLabel  = "k8s-app"
	appName   = "vcluster-kube-dns"
)

var labels = map[string]string{appLabel: appName, "kubernetes.io/name": "CoreDNS"}

const corefile = `.:1053 {
    errors
    health
    ready
    rewrite name regex .*\.nodes\.vcluster\.com kubernetes.default.svc.cluster.local
    kubernetes cluster.local in-addr.arpa ip6.arpa {
        pods insecure
        fallthrough in-addr.arpa ip6.arpa
    }
    hosts /etc/coredns/NodeHosts {
        ttl 60
        reload 15s
        fallthrough
    }
    prometheus :9153
    forward . /etc/resolv.conf
    cache 30
    loop
    reload
    loadbalance
}

import /etc/coredns/custom/*.server`

// client is what a typed client of client-go can do that matters here.
type client[T any] interface {
	Get(ctx context.Context, name string, options meta.GetOptions) (*T, error)
	Create(ctx context.Context, object *T, options meta.CreateOptions) (*T, error)
}

// ensure leaves an object alone that exists already: what the tenant changed stays. It looks
// first, as a Service whose address is taken is invalid before it is a duplicate.
func ensure[T any](ctx context.Context, what string, client client[T], name string, object *T) error {
	_, err := client.Get(ctx, name, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		_, err = client.Create(ctx, object, meta.CreateOptions{})
	}
	if err != nil {
		return fmt.Errorf("ensure the tenant's %s %s: %w", what, name, err)
	}
	return nil
}

// deploy makes the tenant's objects; clusterIP is the address of the Service on the host.
func (s *Syncer) deploy(ctx context.Context, clusterIP string) error {
	tenant := s.Tenant
	name := meta.ObjectMeta{Name: "coredns", Namespace: namespace}
	role := meta.ObjectMeta{Name: "system:coredns"}
	read := []string{"list", "watch"}
	steps := []error{
		ensure(ctx, "ServiceAccount", tenant.CoreV1().ServiceAccounts(namespace), "coredns", &core.ServiceAccount{ObjectMeta: name}),
		ensure(ctx, "ClusterRole", tenant.RbacV1().ClusterRoles(), "system:coredns", &rbac.ClusterRole{
			ObjectMeta: role,
			Rules: []rbac.PolicyRule{
				{APIGroups: []string{""}, Resources: []string{"endpoints", "services", "pods", "namespaces"}, Verbs: read},
				{APIGroups: []string{"discovery.k8s.io"}, Resources: []string{"endpointslices"}, Verbs: read},
			},
		}),
		ensure(ctx, "ClusterRoleBinding", tenant.RbacV1().ClusterRoleBindings(), "system:coredns", &rbac.ClusterRoleBinding{
			ObjectMeta: role,
			RoleRef:    rbac.RoleRef{APIGroup: rbac.GroupName, Kind: "ClusterRole", Name: role.Name},
			Subjects:   []rbac.Subject{{Kind: "ServiceAccount", Name: name.Name, Namespace: namespace}},
		}),
		ensure(ctx, "ConfigMap", tenant.CoreV1().ConfigMaps(namespace), "coredns", &core.ConfigMap{
			ObjectMeta: name, Data: map[string]string{"Corefile": corefile, "NodeHosts": ""},
		}),
		ensure(ctx, "Deployment", tenant.AppsV1().Deployments(namespace), "coredns", deployment(s.Settings)),
		ensure(ctx, "Service", tenant.CoreV1().Services(namespace), "kube-dns", service(clusterIP)),
	}
	for _, err := range steps {
		if err != nil {
			return err
		}
	}
	return nil
}

func service(clusterIP string) *core.Service {
	port := func(name string, protocol core.Protocol, number, target int32) core.ServicePort {
		return core.ServicePort{Name: name, Protocol: protocol, Port: number, TargetPort: intstr.FromInt32(target)}
	}
	return &core.Service{
		ObjectMeta: meta.ObjectMeta{
			Name: "kube-dns", Namespace: namespace,
			Labels: map[string]string{
				appLabel: appName, "kubernetes.io/name": "CoreDNS", "kubernetes.io/cluster-service": "true",
			},
			Annotations: map[string]string{"prometheus.io/port": "9153", "prometheus.io/scrape": "true"},
		},
		Spec: core.ServiceSpec{
			ClusterIP: clusterIP,
			Selector:  map[string]string{appLabel: appName},
			Ports: []core.ServicePort{
				port("dns", core.ProtocolUDP, 53, 1053), port("dns-tcp", core.ProtocolTCP, 53, 1053),
				port("metrics", core.ProtocolTCP, 9153, 9153),
			},
		},
	}
}

func deployment(settings config.CoreDNS) *apps.Deployment {
	selector := map[string]string{appLabel: appName}
	replicas := max(settings.Deployment.Replicas, 1)
	return &apps.Deployment{
		ObjectMeta: meta.ObjectMeta{Name: "coredns", Namespace: namespace, Labels: labels},
		Spec: apps.DeploymentSpec{
			Replicas: &replicas,
			Selector: &meta.LabelSelector{MatchLabels: selector},
			Strategy: apps.DeploymentStrategy{
				Type:          apps.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &apps.RollingUpdateDeployment{MaxUnavailable: ptr.To(intstr.FromInt32(1))},
			},
			Template: core.PodTemplateSpec{
				ObjectMeta: meta.ObjectMeta{Labels: selector},
				Spec: core.PodSpec{
					ServiceAccountName: "coredns",
					DNSPolicy:          core.DNSDefault,
					NodeSelector:       map[string]string{"kubernetes.io/os": "linux"},
					Containers:         []core.Container{container(settings)},
					Volumes:            volumes(),
					TopologySpreadConstraints: []core.TopologySpreadConstraint{{
						MaxSkew: 1, TopologyKey: "kubernetes.io/hostname", WhenUnsatisfiable: core.DoNotSchedule,
						LabelSelector: &meta.LabelSelector{MatchLabels: selector},
					}},
				},
			},
		},
	}
}

func container(settings config.CoreDNS) core.Container {
	image := settings.Deployment.Image
	if image == "" {
		image = Image
	}
	probe := func(path string, port int32, delay, period int32) *core.Probe {
		get := &core.HTTPGetAction{Path: path, Port: intstr.FromInt32(port), Scheme: core.URISchemeHTTP}
		return &core.Probe{
			ProbeHandler: core.ProbeHandler{HTTPGet: get}, InitialDelaySeconds: delay, PeriodSeconds: period,
			TimeoutSeconds: 1, SuccessThreshold: 1, FailureThreshold: 3,
		}
	}
	return core.Container{
		Name: "coredns", Image: image, ImagePullPolicy: core.PullIfNotPresent,
		Args:           []string{"-conf", "/etc/coredns/Corefile"},
		LivenessProbe:  probe("/health", 8080, 60, 10),
		ReadinessProbe: probe("/ready", 8181, 0, 2),
		Resources: core.ResourceRequirements{
			Limits:   core.ResourceList{"cpu": resource.MustParse("1"), "memory": resource.MustParse("170Mi")},
			Requests: core.ResourceList{"cpu": resource.MustParse("20m"), "memory": resource.MustParse("64Mi")},
		},
		SecurityContext: &core.SecurityContext{
			AllowPrivilegeEscalation: ptr.To(false), ReadOnlyRootFilesystem: ptr.To(true),
			RunAsNonRoot: ptr.To(true), RunAsUser: ptr.To[int64](1001), RunAsGroup: ptr.To[int64](1001),
			Capabilities: &core.Capabilities{Add: []core.Capability{"NET_BIND_SERVICE"}, Drop: []core.Capability{"ALL"}},
		},
		VolumeMounts: []core.VolumeMount{
			{Name: "config-volume", MountPath: "/etc/coredns", ReadOnly: true},
			{Name: "custom-config-volume", MountPath: "/etc/coredns/custom", ReadOnly: true},
		},
	}
}

func volumes() []core.Volume {
	fromConfigMap := func(name, configMap string, optional *bool, keys ...string) core.Volume {
		source := &core.ConfigMapVolumeSource{LocalObjectReference: core.LocalObjectReference{Name: configMap}, Optional: optional}
		for _, key := range keys {
			source.Items = append(source.Items, core.KeyToPath{Key: key, Path: key})
		}
		return core.Volume{Name: name, VolumeSource: core.VolumeSource{ConfigMap: source}}
	}
	return []core.Volume{
		fromConfigMap("config-volume", "coredns", nil, "Corefile", "NodeHosts"),
		fromConfigMap("custom-config-volume", "coredns-custom", ptr.To(true)),
	}
}

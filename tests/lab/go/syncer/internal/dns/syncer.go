// Package dns gives a tenant its CoreDNS: a Deployment in the tenant whose pods run on the host.
// It is the only workload the stand-in carries over.
package dns

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	authentication "k8s.io/api/authentication/v1"
	core "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"

	"lab/syncer/internal/config"
	"lab/syncer/internal/host"
)

const (
	resync        = 30 * time.Second
	retry         = 2 * time.Second
	tokenLifetime = 10 * 365 * 24 * time.Hour // the vendor's: nobody renews it
)

// Syncer keeps the pods of CoreDNS on the host in step with those in the tenant.
type Syncer struct {
	Host     host.Host
	Tenant   kubernetes.Interface
	Settings config.CoreDNS

	service *core.Service // of the vCluster, on the host
}

// Run deploys CoreDNS and keeps its pods in step until ctx ends.
func (s *Syncer) Run(ctx context.Context) error {
	var err error
	if s.service, err = s.Host.Service(ctx); err != nil {
		return err
	}
	if err := s.adoptAddress(ctx); err != nil {
		return err
	}
	if !s.Settings.Enabled {
		<-ctx.Done()
		return nil
	}
	changed := make(chan struct{}, 1)
	s.watch(ctx, changed)
	for {
		pause := resync
		if err := s.step(ctx); err != nil && ctx.Err() == nil {
			slog.Warn("CoreDNS is not in step", "error", err)
			pause = retry
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(pause):
		}
	}
}

// watch tells by changed that a pod of CoreDNS changed on either side.
func (s *Syncer) watch(ctx context.Context, changed chan<- struct{}) {
	tell := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	events := cache.ResourceEventHandlerFuncs{AddFunc: tell, DeleteFunc: tell, UpdateFunc: func(_, object any) { tell(object) }}
	for client, where := range map[kubernetes.Interface]string{s.Tenant: namespace, s.Host.Client: s.Host.Pod.Namespace} {
		factory := informers.NewSharedInformerFactoryWithOptions(client, 0, informers.WithNamespace(where),
			informers.WithTweakListOptions(func(options *meta.ListOptions) { options.LabelSelector = appLabel + "=" + appName }))
		// An informer that has not started yet takes any handler.
		_, _ = factory.Core().V1().Pods().Informer().AddEventHandler(events)
		factory.Start(ctx.Done())
	}
}

// step brings everything in step once.
func (s *Syncer) step(ctx context.Context) error {
	address, err := s.ensureHostService(ctx)
	if err != nil {
		return err
	}
	if err := s.deploy(ctx, address); err != nil {
		return err
	}
	for _, name := range []string{"coredns", "kube-root-ca.crt"} {
		if err := s.copyConfigMap(ctx, name); err != nil {
			return err
		}
	}
	return s.syncPods(ctx)
}

func (s *Syncer) ensureHostService(ctx context.Context) (string, error) {
	services := s.Host.Client.CoreV1().Services(s.Host.Pod.Namespace)
	wanted := s.hostService()
	found, err := services.Get(ctx, wanted.Name, meta.GetOptions{})
	if apierrors.IsNotFound(err) {
		found, err = services.Create(ctx, wanted, meta.CreateOptions{})
	}
	if err != nil {
		return "", fmt.Errorf("ensure the Service %s on the host: %w", wanted.Name, err)
	}
	return found.Spec.ClusterIP, nil
}

func (s *Syncer) copyConfigMap(ctx context.Context, name string) error {
	source, err := s.Tenant.CoreV1().ConfigMaps(namespace).Get(ctx, name, meta.GetOptions{})
	if err != nil {
		return fmt.Errorf("get the tenant's ConfigMap %s: %w", name, err)
	}
	configMaps := s.Host.Client.CoreV1().ConfigMaps(s.Host.Pod.Namespace)
	copied := &core.ConfigMap{ObjectMeta: s.metadata(source.ObjectMeta, "ConfigMap"), Data: source.Data}
	found, err := configMaps.Get(ctx, copied.Name, meta.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		_, err = configMaps.Create(ctx, copied, meta.CreateOptions{})
	case err == nil && !equality.Semantic.DeepEqual(found.Data, copied.Data):
		_, err = configMaps.Update(ctx, copied, meta.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("copy the ConfigMap %s to the host: %w", name, err)
	}
	return nil
}

// adoptAddress gives the tenant's Service default/kubernetes the address of the Service of the
// vCluster, the only one that leads to the tenant's API. The API server makes that Service again
// within seconds if it is gone, at the first address of the range, hence the attempts.
func (s *Syncer) adoptAddress(ctx context.Context) error {
	services := s.Tenant.CoreV1().Services("default")
	var last error
	for range 10 {
		found, err := services.Get(ctx, "kubernetes", meta.GetOptions{})
		if err == nil && found.Spec.ClusterIP == s.service.Spec.ClusterIP {
			return nil
		}
		if err == nil {
			err = services.Delete(ctx, "kubernetes", meta.DeleteOptions{})
			found.ResourceVersion, found.UID = "", ""
			found.Spec.ClusterIP, found.Spec.ClusterIPs = s.service.Spec.ClusterIP, nil
			if err == nil {
				_, err = services.Create(ctx, found, meta.CreateOptions{})
			}
		}
		last = err
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
	return fmt.Errorf("give the tenant's Service kubernetes the address %s: %w", s.service.Spec.ClusterIP, last)
}

func (s *Syncer) token(ctx context.Context, pod *core.Pod) (string, error) {
	request := &authentication.TokenRequest{Spec: authentication.TokenRequestSpec{
		ExpirationSeconds: ptr.To(int64(tokenLifetime / time.Second)),
		BoundObjectRef:    &authentication.BoundObjectReference{Kind: "Pod", APIVersion: "v1", Name: pod.Name, UID: pod.UID},
	}}
	account := pod.Spec.ServiceAccountName
	answer, err := s.Tenant.CoreV1().ServiceAccounts(namespace).CreateToken(ctx, account, request, meta.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("make a token for the tenant's pod %s: %w", pod.Name, err)
	}
	return answer.Status.Token, nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	core "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"

	"lab/syncer/internal/config"
	"lab/syncer/internal/dns"
	"lab/syncer/internal/election"
	"lab/syncer/internal/export"
	"lab/syncer/internal/fault"
	"lab/syncer/internal/host"
	"lab/syncer/internal/pki"
	"lab/syncer/internal/plane"
	"lab/syncer/internal/process"
	"lab/syncer/internal/snapshot"
	"lab/syncer/internal/store"
)

// Places in the container; binaries, pki and data are volumes of the chart.
const (
	binaries      = "/binaries"
	certificates  = "/pki"
	database      = "/data/state.db"
	kine          = "/usr/local/bin/kine"
	kineSocket    = "/tmp/kine.sock"
	namespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
)

// How long a release runs that crashes.
const crashesAfter = 2 * time.Second

// startLimit ends a start that hangs; the pod's startup probe would take 30 minutes to.
const startLimit = 10 * time.Minute

// run is the life of one replica: refuse, prepare, start the programs, then lead or wait to.
func run(ctx context.Context) error {
	values, err := config.ReadValues(config.Path)
	if err != nil {
		return err
	}
	if err := values.Refuse(); err != nil {
		return err
	}
	h, err := connect(values)
	if err != nil {
		return err
	}
	if err := h.RefuseNeighbour(ctx); err != nil {
		return err
	}
	ill, err := fault.Of(ctx, h)
	if err != nil {
		return err
	}
	if ill == fault.Crashes {
		time.Sleep(crashesAfter)
		return errors.New("this release crashes")
	}
	starting, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	files, p, err := prepare(starting, h, values)
	if err != nil {
		return err
	}
	group := process.NewGroup()
	defer group.Stop(stopLimit)
	tenant, err := start(starting, group, p, files)
	if err != nil {
		return unlessAsked(ctx, err)
	}
	switch ill {
	case fault.Refuses:
		if err := fault.RefuseWrites(starting, tenant); err != nil {
			return err
		}
	case fault.Stalls:
		idle, err := fault.SlowWrites(starting, tenant)
		if err != nil {
			return err
		}
		defer idle.Close()
	}
	return unlessAsked(ctx, work(ctx, group, h, p, tenant, files))
}

// unlessAsked drops errors that come of being told to end.
func unlessAsked(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func connect(values *config.Values) (host.Host, error) {
	pod, err := config.ReadPod(os.Getenv, namespaceFile)
	if err != nil {
		return host.Host{}, err
	}
	settings, err := rest.InClusterConfig()
	if err != nil {
		return host.Host{}, fmt.Errorf("find the host cluster: %w", err)
	}
	settings.Timeout = 30 * time.Second
	client, err := kubernetes.NewForConfig(settings)
	if err != nil {
		return host.Host{}, fmt.Errorf("make a client for the host cluster: %w", err)
	}
	return host.Host{Client: client, Pod: pod, SetOwner: values.Experimental.SyncSettings.SetOwner}, nil
}

// prepare gets the certificates in place and finds out what the programs must be told.
func prepare(ctx context.Context, h host.Host, values *config.Values) (map[string][]byte, plane.Plane, error) {
	name := h.Pod.VCluster
	files, err := h.Certificates(ctx, func(there map[string][]byte) (map[string][]byte, error) {
		return pki.Generate(name, h.Pod.Namespace, there)
	})
	if err != nil {
		return nil, plane.Plane{}, err
	}
	service, err := h.Service(ctx)
	if err != nil {
		return nil, plane.Plane{}, err
	}
	cidr, err := h.ServiceCIDR(ctx, service)
	if err != nil {
		return nil, plane.Plane{}, err
	}
	serving := map[string][]byte{}
	serving[plane.ServingCertificate], serving[plane.ServingKey], err = pki.Serving(files, addresses(h.Pod, service, values))
	if err != nil {
		return nil, plane.Plane{}, err
	}
	for _, content := range []map[string][]byte{files, serving} {
		if err := pki.Write(certificates, content); err != nil {
			return nil, plane.Plane{}, err
		}
	}
	return files, plane.Plane{
		Binaries: binaries, PKI: certificates, Pod: h.Pod, ServiceCIDR: cidr, Values: values,
		Store: store.Of(values.ControlPlane.BackingStore, name, certificates, kineSocket),
	}, nil
}

// addresses are all that clients reach this replica under.
func addresses(pod config.Pod, service *core.Service, values *config.Values) []string {
	more := []string{pod.IP, service.Spec.ClusterIP, values.ControlPlane.Ingress.Host}
	for _, ingress := range service.Status.LoadBalancer.Ingress {
		more = append(more, ingress.IP, ingress.Hostname)
	}
	return pki.Hosts(pod.VCluster, pod.Namespace, append(more, values.ControlPlane.Proxy.ExtraSANs...))
}

// start runs the programs and returns a client of the tenant once its API server is ready.
func start(ctx context.Context, group *process.Group, p plane.Plane, files map[string][]byte) (kubernetes.Interface, error) {
	if p.Values.ControlPlane.BackingStore.Kind() == config.SQLite {
		if err := os.MkdirAll(filepath.Dir(database), 0o700); err != nil {
			return nil, fmt.Errorf("make the folder of the database: %w", err)
		}
		if err := group.Start(store.Kine(kine, database, kineSocket)); err != nil {
			return nil, err
		}
	}
	if err := store.Wait(ctx, p.Store); err != nil {
		return nil, err
	}
	if err := group.Start(p.APIServer()); err != nil {
		return nil, err
	}
	settings, err := clientcmd.RESTConfigFromKubeConfig(files["admin.conf"])
	if err != nil {
		return nil, fmt.Errorf("read admin.conf: %w", err)
	}
	settings.Timeout = 30 * time.Second
	tenant, err := kubernetes.NewForConfig(settings)
	if err != nil {
		return nil, fmt.Errorf("make a client for the tenant: %w", err)
	}
	if err := untilReady(ctx, group, tenant); err != nil {
		return nil, err
	}
	return tenant, group.Start(p.ControllerManager())
}

func untilReady(ctx context.Context, group *process.Group, tenant kubernetes.Interface) error {
	for {
		_, err := tenant.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err == nil {
			slog.Info("the API server is ready")
			return nil
		}
		select {
		case ended := <-group.Ended():
			return ended
		case <-ctx.Done():
			return fmt.Errorf("the tenant's API server is not ready: %w", err)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// work leads, or waits to, until asked to end or something breaks.
func work(ctx context.Context, group *process.Group, h host.Host, p plane.Plane, tenant kubernetes.Interface, files map[string][]byte) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	led := make(chan error, 1)
	go func() {
		led <- election.Lead(ctx, h, p.Values.ControlPlane.StatefulSet.HighAvailability, func(ctx context.Context) error {
			if err := export.Write(ctx, h, p.Values.ExportKubeConfig, files["admin.conf"]); err != nil {
				return err
			}
			return lead(ctx, h, p, tenant)
		})
	}()
	select {
	case err := <-group.Ended():
		return err
	case err := <-led:
		if err == nil && ctx.Err() == nil {
			return errors.New("the work of the leader ended for no reason")
		}
		return err
	case <-ctx.Done():
		return nil
	}
}

// lead does what one replica does for all, until ctx ends or a part of it fails.
func lead(ctx context.Context, h host.Host, p plane.Plane, tenant kubernetes.Interface) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	syncer := &dns.Syncer{Host: h, Tenant: tenant, Settings: p.Values.ControlPlane.CoreDNS}
	snapshots := &snapshot.Controller{Host: h, Keys: func(ctx context.Context, each func(key, value []byte) error) error {
		return store.Keys(ctx, p.Store, "/", each)
	}}
	ended := make(chan error, 2)
	for _, part := range []func(context.Context) error{syncer.Run, snapshots.Run} {
		go func() { ended <- part(ctx) }()
	}
	return <-ended
}

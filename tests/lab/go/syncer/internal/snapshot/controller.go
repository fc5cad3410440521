// Package snapshot answers the requests of `vcluster snapshot create`: it writes the store as an
// archive into a bucket, with the objects, phases and words of the vendor's controller.
package snapshot

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"

	"lab/syncer/internal/host"
)

const (
	resync = 10 * time.Second
	young  = 10 * time.Second // so long a request may wait for its Secret
)

// Controller works requests off, one after the other; only the leader runs it.
type Controller struct {
	Host host.Host
	Keys Lister // of the store
}

// Run works requests off until ctx ends.
func (c *Controller) Run(ctx context.Context) error {
	changed := make(chan struct{}, 1)
	c.watch(ctx, changed)
	for {
		if err := c.step(ctx); err != nil && ctx.Err() == nil {
			slog.Warn("a snapshot request is not worked off", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-time.After(resync):
		}
	}
}

// watch tells by changed that a request was made, changed or deleted.
func (c *Controller) watch(ctx context.Context, changed chan<- struct{}) {
	tell := func(any) {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	factory := informers.NewSharedInformerFactoryWithOptions(c.Host.Client, 0, informers.WithNamespace(c.Host.Pod.Namespace),
		informers.WithTweakListOptions(func(options *meta.ListOptions) { options.LabelSelector = label }))
	// An informer that has not started yet takes any handler.
	_, _ = factory.Core().V1().ConfigMaps().Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: tell, UpdateFunc: func(_, object any) { tell(object) },
	})
	factory.Start(ctx.Done())
}

// step takes each request one step further; every change is an event that leads to the next step.
func (c *Controller) step(ctx context.Context) error {
	found, err := c.Host.Client.CoreV1().ConfigMaps(c.Host.Pod.Namespace).List(ctx, meta.ListOptions{LabelSelector: label})
	if err != nil {
		return fmt.Errorf("list the snapshot requests: %w", err)
	}
	for i := range found.Items {
		if err := c.reconcile(ctx, &found.Items[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *Controller) reconcile(ctx context.Context, configMap *core.ConfigMap) error {
	if configMap.DeletionTimestamp != nil {
		return c.letGo(ctx, configMap)
	}
	request, err := requestIn(configMap)
	if err != nil {
		return err
	}
	if request.done() {
		return c.letGo(ctx, configMap)
	}
	if !slices.Contains(configMap.Finalizers, finalizer) {
		configMap.Finalizers = append(configMap.Finalizers, finalizer)
		return c.update(ctx, configMap)
	}
	if request.Status.Phase == notStarted {
		request.Status.Phase = creating
		return c.tell(ctx, configMap, request)
	}
	secret, err := c.Host.Client.CoreV1().Secrets(configMap.Namespace).Get(ctx, configMap.Name, meta.GetOptions{})
	if apierrors.IsNotFound(err) && time.Since(configMap.CreationTimestamp.Time) < young {
		return nil
	}
	if err == nil {
		err = c.create(ctx, secret, request)
	} else {
		err = fmt.Errorf("can't find snapshot request Secret %s/%s: %w", configMap.Namespace, configMap.Name, err)
	}
	request.Status.Phase = completed
	if err != nil {
		slog.Warn("a snapshot request failed", "request", configMap.Name, "error", err)
		request.Status.Phase = failed
		request.Status.Error.Message = fmt.Sprintf("failed to reconcile etcd backup creation for snapshot request %s/%s: %v",
			configMap.Namespace, configMap.Name, err)
	}
	return c.tell(ctx, configMap, request)
}

// letGo deletes the Secret, then lets the ConfigMap be deleted.
func (c *Controller) letGo(ctx context.Context, configMap *core.ConfigMap) error {
	at := slices.Index(configMap.Finalizers, finalizer)
	if at < 0 {
		return nil
	}
	err := c.Host.Client.CoreV1().Secrets(configMap.Namespace).Delete(ctx, configMap.Name, meta.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("failed to delete snapshot request Secret %s/%s: %w", configMap.Namespace, configMap.Name, err)
	}
	configMap.Finalizers = slices.Delete(configMap.Finalizers, at, at+1)
	return c.update(ctx, configMap)
}

// tell writes the request back with its new phase.
func (c *Controller) tell(ctx context.Context, configMap *core.ConfigMap, request request) error {
	text, err := json.Marshal(request)
	if err != nil {
		return err
	}
	configMap.Data[requestKey] = string(text)
	return c.update(ctx, configMap)
}

// update writes a ConfigMap; somebody else's change in between is an event, so the next step does it.
func (c *Controller) update(ctx context.Context, configMap *core.ConfigMap) error {
	_, err := c.Host.Client.CoreV1().ConfigMaps(configMap.Namespace).Update(ctx, configMap, meta.UpdateOptions{})
	if apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("failed to patch snapshot request ConfigMap %s/%s: %w", configMap.Namespace, configMap.Name, err)
	}
	return nil
}

func (c *Controller) create(ctx context.Context, secret *core.Secret, request request) error {
	options, err := optionsIn(secret)
	if err != nil {
		return err
	}
	archive, err := write(ctx, options.Release, request, c.Keys)
	if err == nil {
		defer archive.close()
		err = options.S3.put(ctx, archive, time.Now())
	}
	if err != nil {
		return fmt.Errorf("failed to run snapshot client: failed to write snapshot: %w", err)
	}
	return nil
}

// Package election lets one replica act for all.
package election

import (
	"context"
	"errors"
	"log/slog"

	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"lab/syncer/internal/config"
	"lab/syncer/internal/host"
)

// ErrLost is returned by Lead when another replica took over, or the host cluster was away too long.
var ErrLost = errors.New("leader election lost")

// LeaseName is the name of the Lease of the vCluster name.
func LeaseName(name string) string { return host.ShortName("vcluster", name, "controller") }

// Holder is the identity of a pod in the Lease.
func Holder(pod string) string { return pod + "-external-vcluster-controller" }

// Lead calls lead once this replica leads, and returns when ctx ends (nil), when lead fails, or
// when the lead is lost. A vCluster configured with one replica leads at once, without a Lease:
// the chart gives it no rights on one. The Lease is not released at the end, as with the vendor.
func Lead(ctx context.Context, h host.Host, ha config.HighAvailability, lead func(context.Context) error) error {
	if ha.Replicas <= 1 {
		return lead(ctx)
	}
	failed := make(chan error, 1)
	electing, stop := context.WithCancel(ctx)
	defer stop()
	lease, renew, retry := ha.Times()
	elector, err := leaderelection.NewLeaderElector(leaderelection.LeaderElectionConfig{
		Lock: &resourcelock.LeaseLock{
			LeaseMeta:  meta.ObjectMeta{Namespace: h.Pod.Namespace, Name: LeaseName(h.Pod.VCluster)},
			Client:     h.Client.CoordinationV1(),
			LockConfig: resourcelock.ResourceLockConfig{Identity: Holder(h.Pod.Name)},
		},
		LeaseDuration: lease,
		RenewDeadline: renew,
		RetryPeriod:   retry,
		Callbacks: leaderelection.LeaderCallbacks{
			OnStartedLeading: func(leading context.Context) {
				slog.Info("leading", "holder", Holder(h.Pod.Name))
				if err := lead(leading); err != nil {
					failed <- err
					stop()
				}
			},
			OnStoppedLeading: func() {},
			OnNewLeader:      func(holder string) { slog.Info("the leader is", "holder", holder) },
		},
	})
	if err != nil {
		return err
	}
	elector.Run(electing)
	select {
	case err := <-failed:
		return err
	default:
	}
	if ctx.Err() != nil {
		return nil
	}
	return ErrLost
}

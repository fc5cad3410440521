// Package export writes the kubeconfigs of a tenant into Secrets on the host cluster.
package export

import (
	"context"
	"fmt"
	"strings"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"

	"lab/syncer/internal/config"
	"lab/syncer/internal/host"
	"lab/syncer/internal/kubeconfig"
)

// Write makes or updates the Secret vc-NAME and the additional ones. admin is the kubeconfig
// admin.conf of the Secret NAME-certs. A Secret that cannot be written is an error: the vendor's
// program does not start without.
func Write(ctx context.Context, h host.Host, choice config.ExportKubeConfig, admin []byte) error {
	service, err := h.Service(ctx)
	if err != nil {
		return err
	}
	wanted := append([]config.AdditionalSecret{{Kubeconfig: choice.Kubeconfig, Name: "vc-" + h.Pod.VCluster}}, choice.AdditionalSecrets...)
	for _, one := range wanted {
		data, err := content(admin, one.Kubeconfig)
		if err != nil {
			return err
		}
		secret := &core.Secret{ObjectMeta: meta.ObjectMeta{Name: one.Name, Namespace: one.Namespace, Labels: h.Labels()}, Data: data}
		if secret.Namespace == "" || secret.Namespace == h.Pod.Namespace {
			secret.Namespace = h.Pod.Namespace
			secret.OwnerReferences = h.Owners(service)
		}
		if err := apply(ctx, h, secret); err != nil {
			return err
		}
	}
	return nil
}

// content is the data of one Secret; the token is empty where a client certificate is exported.
func content(admin []byte, choice config.Kubeconfig) (map[string][]byte, error) {
	config, err := kubeconfig.Decode(admin)
	if err != nil {
		return nil, err
	}
	if choice.Server != "" {
		if !strings.HasPrefix(choice.Server, "https://") && !strings.HasPrefix(choice.Server, "http://") {
			return nil, fmt.Errorf("exportKubeConfig.server %q must begin with https:// or http://", choice.Server)
		}
		config.Server = choice.Server
	}
	if choice.Context != "" {
		config.Cluster, config.User, config.Context = choice.Context, choice.Context, choice.Context
	}
	config.Insecure = choice.Insecure
	text, err := config.Encode()
	if err != nil {
		return nil, err
	}
	return map[string][]byte{
		"config":                text,
		"certificate-authority": config.Authority,
		"client-certificate":    config.Certificate,
		"client-key":            config.Key,
		"token":                 {},
	}, nil
}

func apply(ctx context.Context, h host.Host, secret *core.Secret) error {
	secrets := h.Client.CoreV1().Secrets(secret.Namespace)
	_, err := secrets.Create(ctx, secret, meta.CreateOptions{})
	if apierrors.IsAlreadyExists(err) {
		_, err = secrets.Update(ctx, secret, meta.UpdateOptions{})
	}
	if err != nil {
		return fmt.Errorf("write the kubeconfig Secret %s/%s: %w", secret.Namespace, secret.Name, err)
	}
	return nil
}

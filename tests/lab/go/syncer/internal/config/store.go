package config

import (
	"errors"
	"fmt"
)

// Store is the kind of backing store that serves the tenant.
type Store string

// The stores of the chart; the last two need a licence of the vendor.
const (
	SQLite       Store = "sqlite"
	DeployedEtcd Store = "deployed-etcd"
	ExternalEtcd Store = "external-etcd"
	EmbeddedEtcd Store = "embedded-etcd"
	ExternalSQL  Store = "external-database"
)

// BackingStore is the part of the values below controlPlane.backingStore.
type BackingStore struct {
	Database struct {
		Embedded Switch `json:"embedded"`
		External Switch `json:"external"`
	} `json:"database"`
	Etcd struct {
		Deploy   Switch         `json:"deploy"`
		Embedded Switch         `json:"embedded"`
		External ExternalServer `json:"external"`
	} `json:"etcd"`
}

// Switch is a store that is on or off.
type Switch struct {
	Enabled bool `json:"enabled"`
}

// ExternalServer is an etcd, or something that speaks its protocol, outside the chart.
type ExternalServer struct {
	Enabled  bool   `json:"enabled"`
	Endpoint string `json:"endpoint"`
	TLS      struct {
		CAFile   string `json:"caFile"`
		CertFile string `json:"certFile"`
		KeyFile  string `json:"keyFile"`
	} `json:"tls"`
}

// Kind returns the store in the vendor's order of precedence when several are switched on.
func (b BackingStore) Kind() Store {
	switch {
	case b.Etcd.Embedded.Enabled:
		return EmbeddedEtcd
	case b.Etcd.External.Enabled:
		return ExternalEtcd
	case b.Etcd.Deploy.Enabled:
		return DeployedEtcd
	case b.Database.Embedded.Enabled:
		return SQLite
	case b.Database.External.Enabled:
		return ExternalSQL
	default:
		return SQLite
	}
}

// Refuse returns the error the vendor's program ends with when its pod starts with these values,
// or nil. The texts are those of release 0.36.1; Helm sees none of them.
func (v *Values) Refuse() error {
	const licence = "you are trying to use a vCluster pro feature '%s' (%s) that is not available " +
		"in the open source vcluster or disabled in your license"
	switch v.ControlPlane.BackingStore.Kind() {
	case SQLite:
		if v.ControlPlane.StatefulSet.HighAvailability.Replicas > 1 {
			return errors.New("embedded database is not supported with multiple replicas")
		}
	case EmbeddedEtcd:
		return fmt.Errorf("start embedded etcd: "+licence, "Embedded etcd", "vcp-distro-embedded-etcd")
	case ExternalSQL:
		return fmt.Errorf("Error running k8s: configure external database: "+licence,
			"External Database", "vcp-distro-external-database")
	case ExternalEtcd:
		if v.ControlPlane.BackingStore.Etcd.External.Endpoint == "" {
			return errors.New("controlPlane.backingStore.etcd.external.endpoint is empty")
		}
	}
	return v.refuseWhatTheLabLacks()
}

// refuseWhatTheLabLacks keeps the stand-in from passing over a value in silence.
func (v *Values) refuseWhatTheLabLacks() error {
	if v.ControlPlane.CoreDNS.Embedded {
		return errors.New("the stand-in has no embedded CoreDNS")
	}
	exports := []Kubeconfig{v.ExportKubeConfig.Kubeconfig}
	for _, secret := range v.ExportKubeConfig.AdditionalSecrets {
		exports = append(exports, secret.Kubeconfig)
	}
	for _, export := range exports {
		if export.ServiceAccount.Name != "" {
			return errors.New("the stand-in exports client certificates only, no service accounts")
		}
	}
	return nil
}

package snapshot

import (
	"encoding/json"
	"fmt"

	core "k8s.io/api/core/v1"
)

// What the vendor's objects are called (v0.36.1, github.com/loft-sh/api/v4/pkg/snapshot).
const (
	label      = "vcluster.loft.sh/snapshot-request"
	finalizer  = "vcluster.loft.sh/snapshot-controller"
	requestKey = "snapshotRequest"
	optionsKey = "snapshotOptions"

	notStarted = ""
	creating   = "CreatingEtcdBackup"
	completed  = "Completed"
	failed     = "Failed"
)

// request is the JSON in the ConfigMap of a request.
type request struct {
	Metadata struct {
		Name              string `json:"name"`
		CreationTimestamp string `json:"creationTimestamp,omitempty"`
	} `json:"metadata"`
	Spec struct {
		URL string `json:"url,omitempty"`
	} `json:"spec"`
	Status struct {
		Phase string `json:"phase,omitempty"`
		Error struct {
			Message string `json:"message,omitempty"`
		} `json:"error"`
	} `json:"status"`
}

// options is the JSON in its Secret, as far as the stand-in knows it.
type options struct {
	Type    string          `json:"type"`
	S3      bucket          `json:"s3"`
	Release json.RawMessage `json:"release"`
}

func (r request) done() bool {
	return r.Status.Phase != notStarted && r.Status.Phase != creating
}

func requestIn(configMap *core.ConfigMap) (request, error) {
	var found request
	err := json.Unmarshal([]byte(configMap.Data[requestKey]), &found)
	if err != nil {
		err = fmt.Errorf("failed to unmarshal vcluster snapshot request from ConfigMap %s/%s: %w", configMap.Namespace, configMap.Name, err)
	}
	return found, err
}

func optionsIn(secret *core.Secret) (options, error) {
	var found options
	if err := json.Unmarshal(secret.Data[optionsKey], &found); err != nil {
		return found, fmt.Errorf("failed to unmarshal snapshot options: %w", err)
	}
	if found.Type != "s3" {
		return found, fmt.Errorf("the stand-in writes to S3 only, not to %q", found.Type)
	}
	if found.S3.Key == "" {
		return found, fmt.Errorf("key must be specified via s3://BUCKET/KEY")
	}
	return found, nil
}

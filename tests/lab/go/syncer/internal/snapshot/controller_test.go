package snapshot

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	core "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"

	"lab/syncer/internal/config"
	"lab/syncer/internal/host"
)

const (
	namespace = "vc-demo"
	name      = "demo-snapshot-request-x"
)

func objects(t *testing.T, place bucket) []runtime.Object {
	t.Helper()
	text, err := json.Marshal(map[string]any{"type": "s3", "s3": place, "release": map[string]string{"releaseName": "demo"}})
	if err != nil {
		t.Fatal(err)
	}
	about := meta.ObjectMeta{Name: name, Namespace: namespace, Labels: map[string]string{label: ""}, CreationTimestamp: meta.Now()}
	return []runtime.Object{
		&core.ConfigMap{ObjectMeta: about, Data: map[string]string{requestKey: `{"metadata":{"name":"` + name + `"},"spec":{"url":"s3://backups/a"}}`}},
		&core.Secret{ObjectMeta: about, Data: map[string][]byte{optionsKey: text}},
	}
}

func controller(keys Lister, objects ...runtime.Object) *Controller {
	client := fake.NewClientset(objects...)
	return &Controller{Host: host.Host{Client: client, Pod: config.Pod{VCluster: "demo", Namespace: namespace}}, Keys: keys}
}

func two(_ context.Context, each func(key, value []byte) error) error {
	return errors.Join(each([]byte("/registry/a"), []byte("1")), each([]byte("/registry/"+strings.Repeat("b", 200)), []byte{}))
}

// steps takes the request n steps further and returns it.
func steps(t *testing.T, c *Controller, n int) (*core.ConfigMap, request) {
	t.Helper()
	for range n {
		if err := c.step(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	configMap, err := c.Host.Client.CoreV1().ConfigMaps(namespace).Get(t.Context(), name, meta.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	found, err := requestIn(configMap)
	if err != nil {
		t.Fatal(err)
	}
	return configMap, found
}

func secretIsGone(t *testing.T, c *Controller) bool {
	t.Helper()
	_, err := c.Host.Client.CoreV1().Secrets(namespace).Get(t.Context(), name, meta.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return err != nil
}

func TestAnArchiveByTheVendorsPhases(t *testing.T) {
	var asked http.Request
	var content bytes.Buffer
	c := controller(two, objects(t, service(t, http.StatusOK, "", &asked, &content))...)
	configMap, found := steps(t, c, 1)
	if len(configMap.Finalizers) != 1 || found.Status.Phase != notStarted {
		t.Fatalf("finalizers %v, phase %q", configMap.Finalizers, found.Status.Phase)
	}
	if _, found = steps(t, c, 1); found.Status.Phase != creating {
		t.Fatalf("phase %q", found.Status.Phase)
	}
	if _, found = steps(t, c, 1); found.Status.Phase != completed || found.Spec.URL != "s3://backups/a" {
		t.Fatalf("request %+v", found)
	}
	if configMap, _ = steps(t, c, 1); len(configMap.Finalizers) != 0 || !secretIsGone(t, c) {
		t.Fatalf("finalizers %v", configMap.Finalizers)
	}
	packed, err := gzip.NewReader(&content)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for members := tar.NewReader(packed); ; {
		header, err := members.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
	want := []string{releaseMember, requestMember, "/registry/a", "/registry/" + strings.Repeat("b", 200)}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Fatalf("members %q", names)
	}
}

func TestAFailureIsSaid(t *testing.T) {
	var asked http.Request
	var content bytes.Buffer
	refused := service(t, http.StatusForbidden, "<Error><Code>AccessDenied</Code></Error>", &asked, &content)
	broken := func(context.Context, func(key, value []byte) error) error { return errors.New("the store is away") }
	for want, c := range map[string]*Controller{
		"failed to write snapshot: error putting object": controller(two, objects(t, refused)...),
		"the store is away":            controller(broken, objects(t, refused)...),
		"key must be specified":        controller(two, objects(t, bucket{})...),
		"demo-snapshot-request-x: can": controller(two, late(objects(t, refused)[0])),
	} {
		_, found := steps(t, c, 3)
		if found.Status.Phase != failed || !strings.Contains(found.Status.Error.Message, want) {
			t.Errorf("%q, %q, want %q", found.Status.Phase, found.Status.Error.Message, want)
		}
		if steps(t, c, 1); !secretIsGone(t, c) {
			t.Errorf("the Secret of %q is there", want)
		}
	}
	if content.Len() == 0 {
		t.Error("nothing was sent")
	}
}

// late makes a request whose Secret should be there by now.
func late(object runtime.Object) runtime.Object {
	object.(*core.ConfigMap).CreationTimestamp = meta.NewTime(time.Now().Add(-time.Minute))
	return object
}

func TestARequestWaitsAMomentForItsSecret(t *testing.T) {
	c := controller(two, objects(t, bucket{})[0])
	if _, found := steps(t, c, 4); found.Status.Phase != creating {
		t.Fatalf("phase %q", found.Status.Phase)
	}
}

func TestADeletedRequestTakesItsSecretAlong(t *testing.T) {
	made := objects(t, bucket{})
	about := &made[0].(*core.ConfigMap).ObjectMeta
	about.Finalizers, about.DeletionTimestamp = []string{finalizer, "another"}, &meta.Time{Time: time.Now()}
	c := controller(two, made...)
	configMap, found := steps(t, c, 2)
	if len(configMap.Finalizers) != 1 || found.Status.Phase != notStarted || !secretIsGone(t, c) {
		t.Fatalf("finalizers %v, phase %q", configMap.Finalizers, found.Status.Phase)
	}
}

func TestRunFindsRequestsAsTheyCome(t *testing.T) {
	var asked http.Request
	var content bytes.Buffer
	c := controller(two)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ended := make(chan error, 1)
	go func() { ended <- c.Run(ctx) }()
	for _, object := range objects(t, service(t, http.StatusOK, "", &asked, &content)) {
		var err error
		switch one := object.(type) {
		case *core.Secret:
			_, err = c.Host.Client.CoreV1().Secrets(namespace).Create(ctx, one, meta.CreateOptions{})
		case *core.ConfigMap:
			_, err = c.Host.Client.CoreV1().ConfigMaps(namespace).Create(ctx, one, meta.CreateOptions{})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	for !secretIsGone(t, c) {
		if ctx.Err() != nil {
			t.Fatal("nobody worked it off")
		}
		time.Sleep(10 * time.Millisecond)
	}
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}

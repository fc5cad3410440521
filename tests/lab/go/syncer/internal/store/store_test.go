package store

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"lab/syncer/internal/config"
	"lab/syncer/internal/pki"
)

func values(t *testing.T, text string) config.BackingStore {
	t.Helper()
	parsed, err := config.ParseValues([]byte("controlPlane: {backingStore: " + text + "}"))
	if err != nil {
		t.Fatal(err)
	}
	return parsed.ControlPlane.BackingStore
}

func TestEndpoints(t *testing.T) {
	external := "{etcd: {external: {enabled: true, endpoint: 'etcd.example.net:2379', tls: {caFile: /c/ca, certFile: /c/crt, keyFile: /c/key}}}}"
	for text, want := range map[string]Endpoint{
		"{}": {URL: "unix:///tmp/k"},
		"{etcd: {deploy: {enabled: true}}}": {
			"https://demo-etcd:2379", "/pki/etcd-ca.crt", "/pki/apiserver-etcd-client.crt", "/pki/apiserver-etcd-client.key",
		},
		external: {"https://etcd.example.net:2379", "/c/ca", "/c/crt", "/c/key"},
	} {
		if got := Of(values(t, text), "demo", "/pki", "/tmp/k"); got != want {
			t.Errorf("%s: got %+v, want %+v", text, got, want)
		}
	}
}

func TestWaitEndsWhenTheStoreListens(t *testing.T) {
	socket := filepath.Join(t.TempDir(), "kine")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := Wait(ctx, Endpoint{URL: "unix://" + socket}); err != nil {
		t.Fatal(err)
	}
}

// server answers with the certificates of a vCluster's etcd.
func server(t *testing.T, handler http.HandlerFunc) Endpoint {
	t.Helper()
	folder := t.TempDir()
	files, err := pki.Generate("demo", "vc-demo", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pki.Write(folder, files); err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.X509KeyPair(files["etcd-server.crt"], files["etcd-server.key"])
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewUnstartedServer(handler)
	web.TLS = &tls.Config{Certificates: []tls.Certificate{certificate}}
	web.StartTLS()
	t.Cleanup(web.Close)
	in := func(name string) string { return filepath.Join(folder, name) }
	return Endpoint{web.URL, in("etcd-ca.crt"), in("etcd-server.crt"), in("etcd-server.key")}
}

func TestWaitAsksForAQuorum(t *testing.T) {
	asked := 0
	endpoint := server(t, func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if err := Wait(ctx, endpoint); err != nil || asked != 2 {
		t.Fatalf("error %v after %d answers", err, asked)
	}
}

func TestAServerWithoutAHealthPagePasses(t *testing.T) {
	endpoint := server(t, http.NotFound)
	if err := healthy(t.Context(), endpoint); err != nil {
		t.Fatal(err)
	}
}

func TestWaitVerifiesTheServer(t *testing.T) {
	folder := t.TempDir()
	files, err := pki.Generate("demo", "vc-demo", nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := pki.Write(folder, files); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close() // it accepts connections, and never says a word of TLS
	in := func(name string) string { return filepath.Join(folder, name) }
	endpoint := Endpoint{"https://" + listener.Addr().String(), in("etcd-ca.crt"), in("etcd-server.crt"), in("etcd-server.key")}
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	err = Wait(ctx, endpoint)
	if err == nil || !strings.Contains(err.Error(), "did not answer") {
		t.Fatalf("got %v", err)
	}
}

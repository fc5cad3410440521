// Package store gets the backing store ready and says how the API server reaches it.
package store

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"lab/syncer/internal/config"
	"lab/syncer/internal/process"
)

// Limits for the question whether an etcd has a quorum, in all and for one answer, and for a connection.
const (
	quorumLimit = time.Minute
	healthLimit = 10 * time.Second
	dialLimit   = 10 * time.Second
)

// Endpoint is a server of the etcd protocol; the three files are empty where there is no TLS.
type Endpoint struct {
	URL                       string
	CAFile, CertFile, KeyFile string
}

// Args are the flags that lead an API server to the endpoint.
func (e Endpoint) Args() []string {
	args := []string{"--etcd-servers=" + e.URL}
	if e.CAFile != "" {
		args = append(args, "--etcd-cafile="+e.CAFile, "--etcd-certfile="+e.CertFile, "--etcd-keyfile="+e.KeyFile)
	}
	return args
}

// Of returns the endpoint of the store of the vCluster name, whose certificates lie in the folder
// pki. kineSocket is where kine listens if the store is SQLite.
func Of(backing config.BackingStore, name, pki, kineSocket string) Endpoint {
	switch backing.Kind() {
	case config.DeployedEtcd:
		return Endpoint{
			URL:      "https://" + name + "-etcd:2379",
			CAFile:   filepath.Join(pki, "etcd-ca.crt"),
			CertFile: filepath.Join(pki, "apiserver-etcd-client.crt"),
			KeyFile:  filepath.Join(pki, "apiserver-etcd-client.key"),
		}
	case config.ExternalEtcd:
		external := backing.Etcd.External
		host := strings.TrimPrefix(strings.TrimPrefix(external.Endpoint, "http://"), "https://")
		return Endpoint{
			URL:    "https://" + host,
			CAFile: external.TLS.CAFile, CertFile: external.TLS.CertFile, KeyFile: external.TLS.KeyFile,
		}
	default:
		return Endpoint{URL: "unix://" + kineSocket}
	}
}

// Kine is the program that serves the SQLite file database to a unix socket.
func Kine(path, database, socket string) process.Program {
	return process.Program{
		Name: "kine",
		Path: path,
		Args: []string{
			"--listen-address=unix://" + socket,
			"--endpoint=sqlite://" + database + "?_journal=WAL&cache=shared&_busy_timeout=30000&_txlock=immediate",
			"--metrics-bind-address=0",
		},
		Env: []string{"GOMEMLIMIT=64MiB"},
	}
}

// Wait returns once the endpoint accepts a connection, with TLS if it has any. For a time it asks
// for a quorum too, as an API server that gives up costs many seconds of CPU; after that a store
// without one is for the API server to find out, as it is with the vendor.
func Wait(ctx context.Context, endpoint Endpoint) error {
	told := ""
	patience, cancel := context.WithTimeout(ctx, quorumLimit)
	defer cancel()
	for {
		err := dial(ctx, endpoint)
		if err == nil {
			if err = healthy(ctx, endpoint); err == nil || patience.Err() != nil {
				return nil
			}
		}
		if err.Error() != told {
			told = err.Error()
			slog.Info("waiting for the backing store", "endpoint", endpoint.URL, "last", told)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the backing store %s did not answer: %w", endpoint.URL, err)
		case <-time.After(time.Second):
		}
	}
}

// healthy returns an error while an etcd says itself that it has no quorum. Other servers of the
// protocol, such as kine, have no such page: they pass.
func healthy(ctx context.Context, endpoint Endpoint) error {
	if endpoint.CAFile == "" {
		return nil
	}
	settings, err := endpoint.tls()
	if err != nil {
		return err
	}
	client := http.Client{
		Transport: &http.Transport{TLSClientConfig: settings, DisableKeepAlives: true},
		Timeout:   healthLimit,
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint.URL+"/health", nil)
	if err != nil {
		return err
	}
	answer, err := client.Do(request)
	if err != nil {
		if os.IsTimeout(err) {
			return err
		}
		return nil // speaks no HTTP/1
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusServiceUnavailable {
		return errors.New("it has no quorum")
	}
	return nil
}

func dial(ctx context.Context, endpoint Endpoint) error {
	ctx, cancel := context.WithTimeout(ctx, dialLimit)
	defer cancel()
	scheme, address, _ := strings.Cut(endpoint.URL, "://")
	network := "tcp"
	if scheme == "unix" {
		network = "unix"
	}
	if endpoint.CAFile == "" {
		connection, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return connection.Close()
	}
	settings, err := endpoint.tls()
	if err != nil {
		return err
	}
	connection, err := (&tls.Dialer{Config: settings}).DialContext(ctx, network, address)
	if err != nil {
		return err
	}
	return connection.Close()
}

func (e Endpoint) tls() (*tls.Config, error) {
	authority, err := os.ReadFile(e.CAFile)
	if err != nil {
		return nil, fmt.Errorf("read the authority of the store: %w", err)
	}
	certificate, err := tls.LoadX509KeyPair(e.CertFile, e.KeyFile)
	if err != nil {
		return nil, fmt.Errorf("read the client certificate for the store: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority) {
		return nil, fmt.Errorf("no certificate in %s", e.CAFile)
	}
	return &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}}, nil
}

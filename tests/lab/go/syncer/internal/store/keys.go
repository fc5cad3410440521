package store

import (
	"context"
	"crypto/tls"
	"fmt"

	etcd "go.etcd.io/etcd/client/v3"
)

// page is how many keys one answer holds: what the vendor's program asks for.
const page = 1000

// Keys calls each for every key that begins with prefix, all of them at one revision.
func Keys(ctx context.Context, endpoint Endpoint, prefix string, each func(key, value []byte) error) error {
	client, err := dialEtcd(ctx, endpoint)
	if err != nil {
		return err
	}
	defer client.Close()
	start, revision := prefix, int64(0) // zero is the newest
	for {
		answer, err := client.Get(ctx, start,
			etcd.WithRange(etcd.GetPrefixRangeEnd(prefix)), etcd.WithLimit(page), etcd.WithRev(revision))
		if err != nil {
			return fmt.Errorf("list the keys of the store: %w", err)
		}
		for _, pair := range answer.Kvs {
			if err := each(pair.Key, pair.Value); err != nil {
				return err
			}
		}
		if !answer.More {
			return nil
		}
		if revision == 0 {
			revision = answer.Header.Revision
		}
		start = string(answer.Kvs[len(answer.Kvs)-1].Key) + "\x00"
	}
}

func dialEtcd(ctx context.Context, endpoint Endpoint) (*etcd.Client, error) {
	var settings *tls.Config
	if endpoint.CAFile != "" {
		var err error
		if settings, err = endpoint.tls(); err != nil {
			return nil, err
		}
	}
	client, err := etcd.New(etcd.Config{
		Context: ctx, Endpoints: []string{endpoint.URL}, DialTimeout: dialLimit, TLS: settings,
	})
	if err != nil {
		return nil, fmt.Errorf("dial the store %s: %w", endpoint.URL, err)
	}
	return client, nil
}

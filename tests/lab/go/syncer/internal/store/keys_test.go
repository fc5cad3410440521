package store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"
	"go.etcd.io/etcd/api/v3/mvccpb"
	"google.golang.org/grpc"
)

// many is a store of so many keys below /registry/, which changes with every answer.
type many struct {
	pb.UnimplementedKVServer
	count     int
	revisions []int64
}

func (m *many) Range(_ context.Context, asked *pb.RangeRequest) (*pb.RangeResponse, error) {
	m.revisions = append(m.revisions, asked.Revision)
	answer := &pb.RangeResponse{Header: &pb.ResponseHeader{Revision: int64(100 + len(m.revisions))}}
	for number := range m.count {
		key := fmt.Sprintf("/registry/%06d", number)
		if key < string(asked.Key) || key >= string(asked.RangeEnd) {
			continue
		}
		if int64(len(answer.Kvs)) == asked.Limit {
			answer.More = true
			break
		}
		answer.Kvs = append(answer.Kvs, &mvccpb.KeyValue{Key: []byte(key), Value: []byte("x")})
	}
	return answer, nil
}

func serve(t *testing.T, keys *many) Endpoint {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "kine")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterKVServer(server, keys)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return Endpoint{URL: "unix://" + socket}
}

func TestKeysAreOfOneRevision(t *testing.T) {
	for count, pages := range map[int]int{0: 1, 1: 1, page: 1, page + 1: 2, 3*page + 7: 4} {
		keys := &many{count: count}
		seen := map[string]bool{}
		err := Keys(t.Context(), serve(t, keys), "/", func(key, value []byte) error {
			if seen[string(key)] || string(value) != "x" {
				t.Errorf("key %s again, or with the value %q", key, value)
			}
			seen[string(key)] = true
			return nil
		})
		if err != nil || len(seen) != count || len(keys.revisions) != pages {
			t.Errorf("%d keys: error %v, %d seen, revisions %v", count, err, len(seen), keys.revisions)
		}
		for number, revision := range keys.revisions {
			if want := []int64{0, 101}[min(number, 1)]; revision != want {
				t.Errorf("page %d at revision %d, want %d", number, revision, want)
			}
		}
	}
}

func TestKeysEndWithTheFirstError(t *testing.T) {
	full := errors.New("the disk is full")
	err := Keys(t.Context(), serve(t, &many{count: 5}), "/", func(_, _ []byte) error { return full })
	if !errors.Is(err, full) {
		t.Fatalf("got %v", err)
	}
	err = Keys(t.Context(), Endpoint{URL: "https://localhost:1", CAFile: "/nowhere"}, "/", nil)
	if err == nil || !strings.Contains(err.Error(), "authority of the store") {
		t.Fatalf("got %v", err)
	}
}

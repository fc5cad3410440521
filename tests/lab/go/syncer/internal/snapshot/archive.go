package snapshot

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"os"
)

// Members that come before the keys (v0.36.1, pkg/snapshot/client.go).
const (
	releaseMember = "/vcluster/snapshot/release"
	requestMember = "/vcluster/snapshot/request/v1beta1"
)

// level is the vendor's: more takes much and saves little.
const level = 3

// Lister calls each for every key of a store that the vendor's program saves.
type Lister func(ctx context.Context, each func(key, value []byte) error) error

// archive is a finished archive on disk.
type archive struct {
	file *os.File
	size int64
	sum  string // SHA-256 in hex
}

func (a *archive) close() {
	_ = a.file.Close()
	_ = os.Remove(a.file.Name())
}

// write makes the archive of what keys calls back with: a gzipped tar with a member for each key.
func write(ctx context.Context, release json.RawMessage, request request, keys Lister) (*archive, error) {
	file, err := os.CreateTemp("", "snapshot-")
	if err != nil {
		return nil, err
	}
	made := &archive{file: file}
	sum := sha256.New()
	if err := pack(ctx, io.MultiWriter(file, sum), release, request, keys); err != nil {
		made.close()
		return nil, err
	}
	if made.size, err = file.Seek(0, io.SeekCurrent); err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		made.close()
		return nil, err
	}
	made.sum = hex.EncodeToString(sum.Sum(nil))
	return made, nil
}

func pack(ctx context.Context, to io.Writer, release json.RawMessage, request request, keys Lister) error {
	packed, err := gzip.NewWriterLevel(to, level)
	if err != nil {
		return err
	}
	members := tar.NewWriter(packed)
	add := func(name, content []byte) error {
		header := &tar.Header{Typeflag: tar.TypeReg, Name: string(name), Size: int64(len(content)), Mode: 0o666}
		if err := members.WriteHeader(header); err != nil {
			return err
		}
		_, err := members.Write(content)
		return err
	}
	if release != nil {
		if err := add([]byte(releaseMember), release); err != nil {
			return err
		}
	}
	asked, err := json.Marshal(request)
	if err != nil {
		return err
	}
	if err := add([]byte(requestMember), asked); err != nil {
		return err
	}
	if err := keys(ctx, add); err != nil {
		return err
	}
	if err := members.Close(); err != nil {
		return err
	}
	return packed.Close()
}

package client

import (
	"context"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A Raw reads and writes keys outside of transactions, with the raw commands. Its
// methods may be called from several goroutines at once.
type Raw struct {
	cluster *cluster
}

// NewRaw returns a client. The caller must Close it.
func NewRaw(cfg Config) (*Raw, error) {
	c, err := newCluster(cfg)
	if err != nil {
		return nil, err
	}
	return &Raw{c}, nil
}

// Close ends the use of the client. Calls under way fail.
func (c *Raw) Close() { c.cluster.stores.close() }

// Get returns the value of key: the newest one that was acknowledged before Get
// was called, or a newer one. An absent key is not an error: found is false.
func (c *Raw) Get(ctx context.Context, cf engine.CF, key []byte) (value []byte, found bool, err error) {
	var resp *kvrpcpb.RawGetResponse
	_, err = c.cluster.do(ctx, request{key: key, send: func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
		var err error
		resp, err = stub.RawGet(ctx, &kvrpcpb.RawGetRequest{Context: rc, Cf: cf, Key: key})
		return resp, err
	}})
	if err != nil {
		return nil, false, err
	}
	return resp.Value, !resp.NotFound, nil
}

// Leader returns the store that leads the region of key: it has served a read.
func (c *Raw) Leader(ctx context.Context, key []byte) (Store, error) {
	served, err := c.cluster.do(ctx, request{key: key, send: func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
		return stub.RawGet(ctx, &kvrpcpb.RawGetRequest{Context: rc, Cf: engine.CFDefault, Key: key})
	}})
	if err != nil {
		return Store{}, err
	}
	return c.cluster.stores.describe(served.place), nil
}

// Put sets key to value.
func (c *Raw) Put(ctx context.Context, cf engine.CF, key, value []byte) error {
	_, err := c.cluster.do(ctx, request{key: key, write: true, send: func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
		return stub.RawPut(ctx, &kvrpcpb.RawPutRequest{Context: rc, Cf: cf, Key: key, Value: value})
	}})
	return err
}

// Delete removes key. It succeeds whether or not the key is there.
func (c *Raw) Delete(ctx context.Context, cf engine.CF, key []byte) error {
	_, err := c.cluster.do(ctx, request{key: key, write: true, send: func(ctx context.Context, stub tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (response, error) {
		return stub.RawDelete(ctx, &kvrpcpb.RawDeleteRequest{Context: rc, Cf: cf, Key: key})
	}})
	return err
}

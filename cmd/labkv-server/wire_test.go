//go:build cgo

package main_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A wireClient knows the protocol and nothing of our code: it talks through the
// generated stubs, as a client that was written for another store of that protocol does.
type wireClient struct {
	t         *testing.T
	scheduler schedulerpb.SchedulerClient
	stores    map[string]tinykvpb.TinyKvClient // by address
}

// encoded is key as regions order it: groups of eight bytes, each with a byte after it
// that says how many of them count.
func encoded(key string) []byte {
	var out []byte
	for {
		n := min(len(key), 8)
		out = append(out, key[:n]...)
		out = append(out, make([]byte, 8-n)...)
		out = append(out, byte(0xFF-(8-n)))
		if n < 8 {
			return out
		}
		key = key[8:]
	}
}

// timestamp returns a new timestamp.
func (c *wireClient) timestamp() uint64 {
	c.t.Helper()
	stream, err := c.scheduler.Tso(await.Context(c.t, "a timestamp"))
	require.NoError(c.t, err)
	require.NoError(c.t, stream.Send(&schedulerpb.TsoRequest{Header: header, Count: 1}))
	resp, err := stream.Recv()
	require.NoError(c.t, err)
	require.NoError(c.t, stream.CloseSend())
	return uint64(resp.Timestamp.Physical)<<18 | uint64(resp.Timestamp.Logical)
}

// at sends a request to the leader of a key's region until that has served it. send
// returns the region error of the response.
func (c *wireClient) at(key string, send func(context.Context, tinykvpb.TinyKvClient, *kvrpcpb.Context) (*errorpb.Error, error)) (regionID uint64) {
	c.t.Helper()
	ctx := await.Context(c.t, "an answer about "+key)
	await.Until(c.t, "the leader of "+key, func() bool {
		located, err := c.scheduler.GetRegion(ctx, &schedulerpb.GetRegionRequest{Header: header, RegionKey: encoded(key)})
		require.NoError(c.t, err)
		if located.Leader == nil {
			return false
		}
		store, err := c.scheduler.GetStore(ctx, &schedulerpb.GetStoreRequest{Header: header, StoreId: located.Leader.StoreId})
		require.NoError(c.t, err)
		addr := store.Store.Address
		if c.stores[addr] == nil {
			conn, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
			require.NoError(c.t, err)
			c.t.Cleanup(func() { conn.Close() })
			c.stores[addr] = tinykvpb.NewTinyKvClient(conn)
		}
		regionID = located.Region.Id
		refusal, err := send(ctx, c.stores[addr], &kvrpcpb.Context{
			RegionId: located.Region.Id, RegionEpoch: located.Region.RegionEpoch, Peer: located.Leader,
		})
		require.NoError(c.t, err)
		return refusal == nil
	})
	return regionID
}

// prewrite locks one key, and returns the errors of the response.
func (c *wireClient) prewrite(start uint64, primary, key, value string, ttl uint64) (errs []*kvrpcpb.KeyError, regionID uint64) {
	c.t.Helper()
	regionID = c.at(key, func(ctx context.Context, s tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (*errorpb.Error, error) {
		resp, err := s.KvPrewrite(ctx, &kvrpcpb.PrewriteRequest{
			Context: rc, StartVersion: start, PrimaryLock: []byte(primary), LockTtl: ttl,
			Mutations: []*kvrpcpb.Mutation{{Op: kvrpcpb.Op_Put, Key: []byte(key), Value: []byte(value)}},
		})
		errs = resp.GetErrors()
		return resp.GetRegionError(), err
	})
	return errs, regionID
}

func (c *wireClient) commit(start, commit uint64, key string) {
	c.t.Helper()
	c.at(key, func(ctx context.Context, s tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (*errorpb.Error, error) {
		resp, err := s.KvCommit(ctx, &kvrpcpb.CommitRequest{Context: rc, StartVersion: start, CommitVersion: commit, Keys: [][]byte{[]byte(key)}})
		require.Nil(c.t, resp.GetError(), "committing %s", key)
		return resp.GetRegionError(), err
	})
}

func (c *wireClient) get(key string, version uint64) *kvrpcpb.GetResponse {
	c.t.Helper()
	var found *kvrpcpb.GetResponse
	c.at(key, func(ctx context.Context, s tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (*errorpb.Error, error) {
		resp, err := s.KvGet(ctx, &kvrpcpb.GetRequest{Context: rc, Key: []byte(key), Version: version})
		found = resp
		return resp.GetRegionError(), err
	})
	return found
}

// scan lists the pairs of a key's region from that key on.
func (c *wireClient) scan(from string, version uint64) (pairs []string) {
	c.t.Helper()
	c.at(from, func(ctx context.Context, s tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (*errorpb.Error, error) {
		resp, err := s.KvScan(ctx, &kvrpcpb.ScanRequest{Context: rc, StartKey: []byte(from), Limit: 10, Version: version})
		pairs = nil
		for _, p := range resp.GetPairs() {
			pairs = append(pairs, fmt.Sprintf("%s=%s", p.Key, p.Value))
		}
		return resp.GetRegionError(), err
	})
	return pairs
}

// A client that knows nothing but the protocol carries out a transaction over several
// regions, finishes what another one has left, and reads the past.
func TestClientOfTheProtocol(t *testing.T) {
	m := manage(t, t.TempDir())
	for range 3 {
		m.join(t.TempDir())
	}
	m.waitForPeers(3)
	c := &wireClient{t, m, map[string]tinykvpb.TinyKvClient{}}

	ctx := await.Context(t, "a split")
	op, err := m.AddOperator(ctx, &schedulerpb.AddOperatorRequest{
		Header: header, RegionId: m.region().Id, Change: schedulerpb.RegionChange_SPLIT, Key: encoded("m"),
	})
	require.NoError(t, err)
	require.Nil(t, op.Header.Error)
	await.Until(t, "the right half", func() bool {
		right, err := m.GetRegion(ctx, &schedulerpb.GetRegionRequest{Header: header, RegionKey: encoded("m")})
		require.NoError(t, err)
		return right.Leader != nil && len(right.Region.StartKey) > 0
	})

	// A transaction over two regions.
	first := c.timestamp()
	regions := map[uint64]bool{}
	for key, value := range map[string]string{"apple": "1", "zebra": "1"} {
		errs, id := c.prewrite(first, "apple", key, value, 3000)
		require.Empty(t, errs, "prewriting %s", key)
		regions[id] = true
	}
	require.Len(t, regions, 2, "regions of the transaction")
	committed := c.timestamp()
	c.commit(first, committed, "apple")
	c.commit(first, committed, "zebra")

	// A client that dies once it has committed its primary key: another one comes upon
	// the lock of the other key, asks the primary, and finishes the job.
	start := c.timestamp()
	for _, key := range []string{"apple", "zebra"} {
		errs, _ := c.prewrite(start, "apple", key, "2", 1)
		require.Empty(t, errs, "prewriting %s", key)
	}
	c.commit(start, c.timestamp(), "apple")
	c.resolve("zebra", "2")

	// A client that dies before that: once the time of its locks is over, they go.
	start = c.timestamp()
	for _, key := range []string{"apple", "zebra"} {
		errs, _ := c.prewrite(start, "apple", key, "3", 1)
		require.Empty(t, errs, "prewriting %s", key)
	}
	c.resolve("zebra", "2")
	c.resolve("apple", "2")
	errs, _ := c.prewrite(start, "apple", "apple", "3", 1)
	require.Len(t, errs, 1, "a prewrite that comes after the rollback")
	require.NotEmpty(t, errs[0].Abort, "a prewrite that comes after the rollback")

	// What was there once can still be read.
	require.True(t, c.get("apple", first).NotFound, "before the first commit")
	require.Equal(t, []string{"apple=1"}, c.scan("a", committed))
	require.Equal(t, []string{"zebra=1"}, c.scan("n", committed))
	require.Equal(t, []string{"apple=2"}, c.scan("a", c.timestamp()))
}

// resolve reads a key that another client has locked: it finishes that client's
// transaction, as its primary key says, and demands the value that is visible then.
func (c *wireClient) resolve(key, want string) {
	c.t.Helper()
	await.Until(c.t, "the end of a transaction", func() bool {
		now := c.timestamp()
		found := c.get(key, now)
		if found.Error == nil {
			require.Equal(c.t, want, string(found.Value), "the value of %s", key)
			return true
		}
		lock := found.Error.Locked
		require.NotNil(c.t, lock, "the error of a get: %v", found.Error)
		var status *kvrpcpb.CheckTxnStatusResponse
		c.at(string(lock.PrimaryLock), func(ctx context.Context, s tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (*errorpb.Error, error) {
			resp, err := s.KvCheckTxnStatus(ctx, &kvrpcpb.CheckTxnStatusRequest{Context: rc, PrimaryKey: lock.PrimaryLock, LockTs: lock.LockVersion, CurrentTs: now})
			status = resp
			return resp.GetRegionError(), err
		})
		if status.LockTtl > 0 {
			return false // it lives
		}
		c.at(key, func(ctx context.Context, s tinykvpb.TinyKvClient, rc *kvrpcpb.Context) (*errorpb.Error, error) {
			resp, err := s.KvResolveLock(ctx, &kvrpcpb.ResolveLockRequest{Context: rc, StartVersion: lock.LockVersion, CommitVersion: status.CommitVersion})
			require.Nil(c.t, resp.GetError())
			return resp.GetRegionError(), err
		})
		return false
	})
}

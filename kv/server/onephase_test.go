package server_test

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/pingcap/errors"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A slowStorage is empty, and writes take until held is closed.
type slowStorage struct {
	fakeStorage
	held chan struct{}
	ops  []engine.Op // of the last write
}

func (s *slowStorage) Write(_ context.Context, _ *kvrpcpb.Context, ops []engine.Op) error {
	<-s.held
	s.ops = ops
	return nil
}

// onePhase returns a transaction of two keys in region 7.
func onePhase() *kvrpcpb.PrewriteRequest {
	return &kvrpcpb.PrewriteRequest{
		Context: &kvrpcpb.Context{RegionId: 7}, OnePhase: true, PrimaryLock: []byte("b"), StartVersion: 10, LockTtl: 1000,
		Mutations: []*kvrpcpb.Mutation{{Op: kvrpcpb.Op_Put, Key: []byte("b"), Value: []byte("1")}, {Op: kvrpcpb.Op_Del, Key: []byte("d")}},
	}
}

// While a transaction is committed in one phase, readers wait that could see its keys above
// its commit timestamp. Readers of other keys and of other regions do not: otherwise a
// region without a majority would hold up the others.
func TestReadersWaitForOnePhase(t *testing.T) {
	for _, c := range []struct {
		name   string
		region uint64
		get    string // or else a scan
		scan   string
		waits  bool
	}{
		{name: "get of a key", region: 7, get: "b", waits: true},
		{name: "get of another key", region: 7, get: "c"},
		{name: "get in another region", region: 8, get: "b"},
		{name: "scan from before the keys", region: 7, scan: "a", waits: true},
		{name: "scan from the last key", region: 7, scan: "d", waits: true},
		{name: "scan from after the keys", region: 7, scan: "e"},
		{name: "scan in another region", region: 8, scan: "a"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := &slowStorage{fakeStorage: fakeStorage{reader: &fakeReader{}}, held: make(chan struct{})}
			srv := server.NewOnePhase(server.New(s), func(context.Context) (uint64, error) { return 20, nil })
			var committed *kvrpcpb.PrewriteResponse
			go func() { committed, _ = srv.KvPrewrite(t.Context(), onePhase()) }()
			synctest.Wait()
			read := false
			go func() {
				var err error
				rc := &kvrpcpb.Context{RegionId: c.region}
				if c.get != "" {
					_, err = srv.KvGet(t.Context(), &kvrpcpb.GetRequest{Context: rc, Key: []byte(c.get), Version: 30})
				} else {
					_, err = srv.KvScan(t.Context(), &kvrpcpb.ScanRequest{Context: rc, StartKey: []byte(c.scan), Limit: 1, Version: 30})
				}
				read = err == nil
			}()
			synctest.Wait()
			require.Equal(t, !c.waits, read, c.name)
			close(s.held)
			synctest.Wait()
			require.True(t, read, c.name)
			require.EqualValues(t, 20, committed.GetCommitVersion(), c.name)
		})
	}
}

// A reader that waits goes with its client.
func TestReaderGivesUpOnePhase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &slowStorage{fakeStorage: fakeStorage{reader: &fakeReader{}}, held: make(chan struct{})}
		srv := server.NewOnePhase(server.New(s), func(context.Context) (uint64, error) { return 20, nil })
		go func() { _, _ = srv.KvPrewrite(t.Context(), onePhase()) }()
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		var err error
		go func() {
			_, err = srv.KvGet(ctx, &kvrpcpb.GetRequest{Context: &kvrpcpb.Context{RegionId: 7}, Key: []byte("b"), Version: 30})
		}()
		synctest.Wait()
		cancel()
		synctest.Wait()
		require.Error(t, err)
		close(s.held)
	})
}

// Without a timestamp the transaction goes the long way.
func TestOnePhaseWithoutOracle(t *testing.T) {
	s := &slowStorage{fakeStorage: fakeStorage{reader: &fakeReader{}}, held: make(chan struct{})}
	close(s.held)
	srv := server.NewOnePhase(server.New(s), func(context.Context) (uint64, error) { return 0, errors.New("away") })
	resp, err := srv.KvPrewrite(t.Context(), onePhase())
	require.NoError(t, err)
	require.Empty(t, resp.Errors)
	require.Zero(t, resp.CommitVersion)
	var locks int
	for _, op := range s.ops {
		if op.CF == engine.CFLock {
			locks++
		}
	}
	require.Equal(t, 2, locks)
}

// A notedStorage notes the calls of a server. Its drafts have a lock that is gone by now.
type notedStorage struct {
	*reelected
	calls []string
}

func (s *notedStorage) Draft(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	s.calls = append(s.calls, "draft")
	return s.reelected.Draft(ctx, rc)
}

func (s *notedStorage) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	s.calls = append(s.calls, "reader")
	return s.reelected.Reader(ctx, rc)
}

func (s *notedStorage) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	s.calls = append(s.calls, fmt.Sprintf("write in term %d", rc.GetTerm()))
	return s.reelected.Write(ctx, rc, ops)
}

// A commit timestamp is younger than the view that the transaction is committed on. If
// another store leads between the two, it may let readers in with timestamps in between;
// and then the write is refused, because it is of the view's term.
func TestOnePhaseTimestampIsAfterItsView(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text: "a commit timestamp is younger than the view that the transaction is committed on", Source: "server.OnePhase",
	}, func(t *graded.T) {
		lock := lockOps("k", "k", 5)
		for _, c := range []struct {
			name        string
			before, now []engine.Op
			calls       []string
			committed   uint64 // 0 if the request is refused
		}{
			{
				name: "the key was unlocked since the draft", before: lock,
				calls: []string{"draft", "timestamp", "reader", "timestamp", "write in term 9"}, committed: at(22),
			},
			{
				name:  "the draft has no lock",
				calls: []string{"draft", "timestamp", "write in term 7"},
			},
		} {
			s := &notedStorage{reelected: newReelected(t, c.before, c.now)}
			srv := server.NewOnePhase(server.New(s), func(context.Context) (uint64, error) {
				s.calls = append(s.calls, "timestamp")
				return at(20 + len(s.calls)/2), nil
			})
			req := prewriteOf(10, "k")
			req.OnePhase = true
			resp, err := srv.KvPrewrite(t.Context(), req)
			require.NoError(t, err, c.name)
			require.Equal(t, c.calls, s.calls, c.name)
			require.Equal(t, c.committed == 0, resp.RegionError.GetStaleCommand() != nil, c.name)
			require.Equal(t, c.committed, resp.CommitVersion, c.name)
		}
	})
}

package server_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	pingcap "github.com/pingcap/errors"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
)

// commands4C are the commands of the stage, for the transaction of 30.
var commands4C = []txnCommand{scanAll, rollbackBoth, checkPrimary, beat, resolveCommitted, resolveRolledBack}

// released demands that nothing of the engine is open.
func (s *store) released(after string) {
	s.t.Helper()
	require.Zero(s.t, s.engine.OpenIterators(), "iterators still open after %s", after)
	require.Zero(s.t, s.engine.OpenSnapshots(), "readers still open after %s", after)
}

// Each command through gRPC, on the same two locks; then the power is cut.
func TestTxnCommands4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "KvScan, KvCheckTxnStatus, KvTxnHeartBeat, KvBatchRollback and KvResolveLock answer as package transaction says, and what they have written is durable",
		Source: "the comments on Scan, CheckTxnStatus, TxnHeartBeat, BatchRollback and ResolveLock (kv/transaction)",
	}, func(t *graded.T) {
		others := []string{"lock c by 33, ttl 5", "record a @ 20: Put by 10", "value a of 10", "value c of 33"}
		for _, c := range []struct {
			commands []txnCommand
			answers  []string
			// adds is what is stored in the end, beside what belongs to others.
			adds []string
		}{
			{[]txnCommand{scanAll}, []string{"pairs a=(locked) b=(locked) c=(locked)"},
				[]string{"lock a by 30, ttl 5", "lock b by 30, ttl 5", "value a of 30", "value b of 30"}},
			{[]txnCommand{beat, beat, checkPrimary}, []string{
				"error none, time to live 100", "error none, time to live 100",
				"error none, time to live 100, committed at 0, action NoAction",
			}, []string{"lock a by 30, ttl 100", "lock b by 30, ttl 5", "value a of 30", "value b of 30"}},
			{[]txnCommand{checkPrimary, checkPrimary, beat, rollbackBoth, scanAll, commitBoth}, []string{
				"error none, time to live 0, committed at 0, action TTLExpireRollback",
				"error none, time to live 0, committed at 0, action NoAction",
				"error retryable, time to live 0",
				"error none",
				"pairs a=v c=(locked)",
				"error abort",
			}, []string{"record a @ 30: Rollback by 30", "record b @ 30: Rollback by 30"}},
			{[]txnCommand{rollbackBoth, rollbackBoth, checkPrimary, scanAll, resolveRolledBack}, []string{
				"error none", "error none",
				"error none, time to live 0, committed at 0, action NoAction",
				"pairs a=v c=(locked)",
				"error none",
			}, []string{"record a @ 30: Rollback by 30", "record b @ 30: Rollback by 30"}},
			{[]txnCommand{resolveCommitted, scanAll, rollbackBoth, checkPrimary, resolveCommitted}, []string{
				"error none", "pairs a=v b=v c=(locked)", "error abort",
				"error none, time to live 0, committed at 40, action NoAction",
				"error none",
			}, []string{"record a @ 40: Put by 30", "record b @ 40: Put by 30", "value a of 30", "value b of 30"}},
			{[]txnCommand{resolveRolledBack, scanAll, checkPrimary}, []string{
				"error none", "pairs a=v c=(locked)",
				"error none, time to live 0, committed at 0, action NoAction",
			}, []string{"record a @ 30: Rollback by 30", "record b @ 30: Rollback by 30"}},
		} {
			disk := memory.NewDisk()
			s := start(t, disk)
			writeOps(t, s.engine, twoLocks())
			var sent []string
			for i, command := range c.commands {
				sent = append(sent, command.name)
				require.Equal(t, c.answers[i], command.send(t.Context(), overGRPC{to: s}, rc), "answer of the last of these: %s", strings.Join(sent, ", "))
				s.released(command.name)
			}
			disk.Crash(0)
			s = start(t, disk)
			require.ElementsMatch(t, append(slices.Clone(others), c.adds...), stored(t, s.engine), "what is stored after a power cut after %s", strings.Join(sent, ", "))
		}
	})
}

// Requests that make no sense, for a transaction that has locks.
func TestTxnBadRequests4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request that no store could serve ends with status InvalidArgument, changes nothing, and holds nothing",
		Source: outcomes,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		writeOps(t, s.engine, twoLocks())
		before := stored(t, s.engine)
		a, long := []byte("a"), []byte(strings.Repeat("k", transaction.MaxKeySize+1))
		const last, far = ^uint64(0), 1 << 45 << transaction.LogicalBits // far is after the year 3000
		check := func(name string, err error) {
			t.Helper()
			require.Equal(t, codes.InvalidArgument, status.Code(err), "status of %s (%v)", name, err)
			require.NotEmpty(t, status.Convert(err).Message(), "the message of the status of %s", name)
			require.Equal(t, before, stored(t, s.engine), "what is stored after %s", name)
			s.released(name)
		}
		for _, c := range []struct {
			name string
			req  *kvrpcpb.ScanRequest
		}{
			{"KvScan at timestamp 0", &kvrpcpb.ScanRequest{Context: rc, Limit: 1}},
			{"KvScan from a key that is too large", &kvrpcpb.ScanRequest{Context: rc, StartKey: long, Version: ts(50), Limit: 1}},
		} {
			_, err := s.KvScan(t.Context(), c.req)
			check(c.name, err)
		}
		for _, c := range []struct {
			name  string
			key   []byte
			start uint64
		}{
			{"KvCheckTxnStatus without a key", nil, ts(30)},
			{"KvCheckTxnStatus of a key that is too large", long, ts(30)},
			{"KvCheckTxnStatus of the transaction of 0", a, 0},
			{"KvCheckTxnStatus of the transaction of the greatest number", a, last},
			{"KvCheckTxnStatus of a transaction of the far future", a, far},
		} {
			_, err := s.KvCheckTxnStatus(t.Context(), &kvrpcpb.CheckTxnStatusRequest{Context: rc, PrimaryKey: c.key, LockTs: c.start, CurrentTs: ts(100)})
			check(c.name, err)
		}
		for _, c := range []struct {
			name  string
			key   []byte
			start uint64
		}{
			{"KvTxnHeartBeat without a key", nil, ts(30)},
			{"KvTxnHeartBeat for the transaction of 0", a, 0},
		} {
			_, err := s.KvTxnHeartBeat(t.Context(), &kvrpcpb.TxnHeartBeatRequest{Context: rc, PrimaryLock: c.key, StartVersion: c.start, AdviseLockTtl: 100})
			check(c.name, err)
		}
		for _, c := range []struct {
			name  string
			keys  [][]byte
			start uint64
		}{
			{"KvBatchRollback without keys", nil, ts(30)},
			{"KvBatchRollback of an empty key", [][]byte{a, {}}, ts(30)},
			{"KvBatchRollback of a key that is too large", [][]byte{a, long}, ts(30)},
			{"KvBatchRollback of the transaction of 0", [][]byte{a}, 0},
			{"KvBatchRollback of the transaction of the greatest number", [][]byte{a}, last},
			{"KvBatchRollback of a transaction of the far future", [][]byte{a}, far},
		} {
			_, err := s.KvBatchRollback(t.Context(), &kvrpcpb.BatchRollbackRequest{Context: rc, Keys: c.keys, StartVersion: c.start})
			check(c.name, err)
		}
		for _, c := range []struct {
			name          string
			start, commit uint64
		}{
			{"KvResolveLock of the transaction of 0", 0, ts(40)},
			{"KvResolveLock that rolls the transaction of 0 back", 0, 0},
			{"KvResolveLock of the transaction of the greatest number", last, 0},
			{"KvResolveLock that commits before the start", ts(30), ts(29)},
			{"KvResolveLock that commits at the start", ts(30), ts(30)},
			{"KvResolveLock that commits at the greatest number", ts(30), last},
			{"KvResolveLock that commits in the far future", ts(30), far},
		} {
			_, err := s.KvResolveLock(t.Context(), &kvrpcpb.ResolveLockRequest{Context: rc, StartVersion: c.start, CommitVersion: c.commit})
			check(c.name, err)
		}
		// None of them has kept the latches of key a.
		require.Equal(t, "error none", rollbackBoth.send(t.Context(), overGRPC{to: s}, rc), "answer of KvBatchRollback after requests that were refused")
	})
}

// saysWhy demands an answer as it is wanted. A status may say more than the error that it
// is about, and has to say that.
func saysWhy(t *graded.T, want, got string, format string, args ...any) {
	t.Helper()
	code, cause, status := strings.Cut(want, ": ")
	if status && strings.HasPrefix(want, "status ") && strings.HasPrefix(got, code+": ") && strings.Contains(got[len(code):], cause) {
		return
	}
	require.Equal(t, want, got, append([]any{format}, args...)...)
}

// A storage that refuses everything: in the wrong place, not running, broken.
func TestTxnStorageErrors4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a storage's error reaches the client of a transaction: a region error as region_error, what it can do something about as a status of its own, anything else with status Internal and its text",
		Source: outcomes + ", and the comment on txnOutcome",
	}, func(t *graded.T) {
		wrongPlace := &region.Error{Err: &errorpb.Error{Message: "ask peer 7", NotLeader: &errorpb.NotLeader{RegionId: 5}}}
		for _, c := range []struct {
			err  error
			want string
		}{
			{wrongPlace, "region error: ask peer 7"},
			{pingcap.Annotate(wrongPlace, "read"), "region error: ask peer 7"},
			{errors.New("bad sector"), "status Internal: bad sector"},
			{fmt.Errorf("kv engine: %w", engine.ErrDiskFull), "status Internal: kv engine: no space left on device"},
			{storage.ErrNotRunning, "status Unavailable: " + storage.ErrNotRunning.Error()},
			{storage.ErrNoContext, "status InvalidArgument: " + storage.ErrNoContext.Error()},
		} {
			s := connect(t, &fakeStorage{err: c.err})
			for _, command := range commands4C {
				saysWhy(t, c.want, command.send(t.Context(), overGRPC{to: s}, rc), "answer of %s when the storage says %q", command.name, c.err)
			}
		}
		s := connect(t, &fakeStorage{err: wrongPlace})
		resp, err := s.KvScan(t.Context(), &kvrpcpb.ScanRequest{Context: rc, Limit: 10, Version: ts(50)})
		require.NoError(t, err, "status of KvScan on a region error of the storage")
		require.Equal(t, uint64(5), resp.RegionError.GetNotLeader().GetRegionId(), "what region_error says about the region")

		// What the storage is asked with.
		sent := &kvrpcpb.Context{RegionId: 7, RegionEpoch: &metapb.RegionEpoch{ConfVer: 2, Version: 3}, Peer: &metapb.Peer{Id: 8, StoreId: 1}}
		asked := make(chan string, 100)
		s = connect(t, &fakeStorage{err: errors.New("no"), asked: func(ctx context.Context, rc *kvrpcpb.Context) {
			_, limited := ctx.Deadline()
			asked <- fmt.Sprintf("region %d, epoch %d/%d, peer %d, with a deadline: %v", rc.GetRegionId(), rc.GetRegionEpoch().GetConfVer(), rc.GetRegionEpoch().GetVersion(), rc.GetPeer().GetId(), limited)
		}})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for _, command := range commands4C {
			command.send(ctx, overGRPC{to: s}, sent)
			select {
			case got := <-asked:
				require.Equal(t, "region 7, epoch 2/3, peer 8, with a deadline: true", got, "what %s has asked the storage with", command.name)
			default:
				t.Fatalf("%s did not ask the storage", command.name)
			}
		}
	})
}

// A store without a storage that runs.
func TestTxnNotRunning4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "requests to a storage that does not run end with status Unavailable",
		Source: outcomes,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		writeOps(t, s.engine, twoLocks())
		s.stop()
		for _, command := range commands4C {
			require.Contains(t, command.send(t.Context(), overGRPC{to: s}, rc), "status Unavailable", "answer of %s after Stop", command.name)
		}
	})
}

// An unlucky storage can be read, and refuses its writes for a while.
type unlucky struct {
	storage.Storage
	// refuse is asked before each write.
	refuse func() error
}

func (s *unlucky) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	if err := s.refuse(); err != nil {
		return err
	}
	return s.Storage.Write(ctx, rc, ops)
}

// The storage can be read; the write of each command fails, in each of several ways.
func TestTxnWriteErrors4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command whose write fails says so, and keeps no latches: it can be sent again",
		Source: outcomes + ", and the comment on txnOutcome",
	}, func(t *graded.T) {
		for _, c := range []struct {
			err  error
			want string
		}{
			{&region.Error{Err: &errorpb.Error{Message: "the leader has changed"}}, "region error: the leader has changed"},
			{errors.New("bad sector"), "status Internal: bad sector"},
			{engine.ErrDiskFull, "status Internal: no space left on device"},
			{storage.ErrOutcomeUnknown, "status Unknown: " + storage.ErrOutcomeUnknown.Error()},
		} {
			for _, command := range commands4C[1:] {
				s := start(t, memory.NewDisk())
				writeOps(t, s.engine, twoLocks())
				before := stored(t, s.engine)
				refusing := true
				on := connect(t, &unlucky{s.storage, func() error {
					if refusing {
						return c.err
					}
					return nil
				}})
				saysWhy(t, c.want, command.send(t.Context(), overGRPC{to: on}, rc), "answer of %s, to whose write the storage says %q", command.name, c.err)
				require.Equal(t, before, stored(t, s.engine), "what is stored after %s, to whose write the storage says %q", command.name, c.err)
				s.released(command.name + ", whose write has failed,")

				refusing = false
				want, content := afterEachOther(t, command)
				require.Equal(t, want[0], command.send(t.Context(), overGRPC{to: on}, rc), "answer of %s, sent again after the storage has refused its write", command.name)
				require.Equal(t, content, stored(t, s.engine), "what is stored after %s, sent again after the storage has refused its write", command.name)
			}
		}
	})
}

// A client takes a region error for a request that was not carried out, and asks elsewhere.
func TestRegionErrorsAreAlone4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a response with a region error has nothing else: it does not tell of what was not done",
		Source: protocol,
	}, func(t *graded.T) {
		refusal := &region.Error{Err: &errorpb.Error{Message: "ask peer 7", NotLeader: &errorpb.NotLeader{RegionId: 5}}}
		for _, refused := range []string{"reader", "write"} {
			s := &heldStorage{}
			c := s.serve(t)
			writeOps(t, s.engine, twoLocks())
			if refused == "reader" {
				s.readerErr = refusal
			} else {
				s.writeErr = refusal
			}
			check := func(name string, want, got proto.Message, err error) {
				t.Helper()
				require.NoError(t, err, "status of %s whose %s is refused", name, refused)
				require.True(t, proto.Equal(want, got), "the response of %s, whose %s is refused, is {%v}: it should have the region error alone", name, refused, got)
			}
			a := []byte("a")
			status, err := c.KvCheckTxnStatus(t.Context(), &kvrpcpb.CheckTxnStatusRequest{Context: rc, PrimaryKey: a, LockTs: ts(30), CurrentTs: ts(100)})
			check("KvCheckTxnStatus", &kvrpcpb.CheckTxnStatusResponse{RegionError: refusal.Err}, status, err)
			beat, err := c.KvTxnHeartBeat(t.Context(), &kvrpcpb.TxnHeartBeatRequest{Context: rc, PrimaryLock: a, StartVersion: ts(30), AdviseLockTtl: 100})
			check("KvTxnHeartBeat", &kvrpcpb.TxnHeartBeatResponse{RegionError: refusal.Err}, beat, err)
			rollback, err := c.KvBatchRollback(t.Context(), &kvrpcpb.BatchRollbackRequest{Context: rc, Keys: [][]byte{a}, StartVersion: ts(30)})
			check("KvBatchRollback", &kvrpcpb.BatchRollbackResponse{RegionError: refusal.Err}, rollback, err)
			resolve, err := c.KvResolveLock(t.Context(), &kvrpcpb.ResolveLockRequest{Context: rc, StartVersion: ts(30)})
			check("KvResolveLock", &kvrpcpb.ResolveLockResponse{RegionError: refusal.Err}, resolve, err)
			if refused == "reader" {
				scan, err := c.KvScan(t.Context(), &kvrpcpb.ScanRequest{Context: rc, Limit: 10, Version: ts(50)})
				check("KvScan", &kvrpcpb.ScanResponse{RegionError: refusal.Err}, scan, err)
			}
		}
	})
}

// There is room for thousands of keys in one write of the storage. Of its writes every
// other one is refused, beginning with the second.
func TestRollbackOfManyKeys4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a KvBatchRollback of very many keys rolls all of them back or none, also if one of them is committed or the storage refuses a write",
		Source: "the comment on BatchRollback (kv/transaction/rollback.go)",
	}, func(t *graded.T) {
		ops, keys := manyShortLocks()
		s := start(t, memory.NewDisk())
		writeOps(t, s.engine, ops, versionOps("z", 30, 40))
		writes := 0
		on := server.New(&unlucky{s.storage, func() error {
			if writes++; writes%2 == 0 {
				return region.Stale(3)
			}
			return nil
		}})
		rollback := func(keys [][]byte) string {
			resp, err := on.KvBatchRollback(t.Context(), &kvrpcpb.BatchRollbackRequest{Context: rc, StartVersion: ts(30), Keys: keys})
			return inWords(resp.GetRegionError(), err, "error "+errorWords(resp.GetError()))
		}
		rolledBack := func() (n int) {
			for _, line := range stored(t, s.engine) {
				if strings.Contains(line, "Rollback") {
					n++
				}
			}
			return n
		}
		require.Equal(t, "error abort", rollback(append(slices.Clone(keys), []byte("z"))), "answer of KvBatchRollback of %d keys, the last of which is committed", len(keys)+1)
		require.Zero(t, rolledBack(), "keys that a KvBatchRollback of %d keys has rolled back, the last of which is committed", len(keys)+1)
		for answered := ""; answered != "error none"; {
			answered = rollback(keys)
			n := rolledBack()
			if n != 0 && n != len(keys) {
				t.Fatalf("a KvBatchRollback of %d keys, which is answered with %q, has rolled %d of them back", len(keys), answered, n)
			}
			require.Equal(t, answered == "error none", n == len(keys), "a KvBatchRollback of %d keys, which is answered with %q, has rolled all of them back", len(keys), answered)
			require.Less(t, writes, 10, "writes of a KvBatchRollback that was sent until it succeeded: every other write is refused")
		}
	})
}

// manyLocks is how many locks with the largest keys take more than one write,
// whether they are committed or rolled back.
const manyLocks = engine.MaxBatchSize * 5 / 4 / (2 * transaction.MaxKeySize)

// longKey is one of those keys. They begin with n, so that they are in order.
func longKey(n int) string {
	begin := fmt.Sprintf("%05d", n)
	return begin + strings.Repeat("k", transaction.MaxKeySize-len(begin))
}

// lockMany gives many keys a lock of the transaction of 30, and some a lock of the
// transaction of 33, between the others.
func lockMany(t *graded.T, s *store) (others []string) {
	t.Helper()
	for n := range manyLocks {
		if n%50 == 10 {
			writeOps(t, s.engine, lockOps(longKey(n), "p", 33))
			others = append(others, fmt.Sprintf("lock %.40s by 33, ttl 5", longKey(n)))
			continue
		}
		writeOps(t, s.engine, lockOps(longKey(n), "p", 30))
	}
	return others
}

// resolved demands that each key of the transaction of 30 is finished, or still locked, and
// returns how many are still locked.
func resolved(t *graded.T, s *store, commit int) (locked int) {
	t.Helper()
	content := stored(t, s.engine)
	has := make(map[string]bool, len(content))
	for _, line := range content {
		has[line] = true
	}
	for n := range manyLocks {
		if n%50 == 10 {
			continue
		}
		key := fmt.Sprintf("%.40s", longKey(n))
		lock, value := has["lock "+key+" by 30, ttl 5"], has["value "+key+" of 30"]
		done := has[fmt.Sprintf("record %s @ %d: Put by 30", key, commit)]
		if commit == 0 {
			done = has[fmt.Sprintf("record %s @ 30: Rollback by 30", key)]
		}
		if lock {
			locked++
		}
		require.NotEqual(t, lock, done, "key %.5s is still locked (%v) exactly if it has no record", key, lock)
		require.Equal(t, lock || commit != 0, value, "key %.5s has a value (locked: %v, commit timestamp: %d)", key, lock, commit)
	}
	return locked
}

// Locks whose keys are as large as they may be do not fit into one write, of any storage.
func TestResolveManyLocks4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "KvResolveLock finishes all locks of a transaction, however many there are and however long their keys are, and no others",
		Source: "the comment on KvResolveLock",
	}, func(t *graded.T) {
		for _, commit := range []int{40, 0} {
			s := start(t, memory.NewDisk())
			others := lockMany(t, s)
			require.Equal(t, "error none", resolveAt("KvResolveLock", commit).send(t.Context(), overGRPC{to: s}, rc), "answer of KvResolveLock with %d locks, commit timestamp %d", manyLocks, commit)
			require.Zero(t, resolved(t, s, commit), "locks that are left after KvResolveLock, commit timestamp %d", commit)
			left := slices.DeleteFunc(stored(t, s.engine), func(line string) bool { return !strings.HasPrefix(line, "lock ") })
			require.Equal(t, others, left, "locks of another transaction after KvResolveLock")
			s.released("KvResolveLock of many locks")
		}

		// More short keys than fit into one answer of LocksOf, most likely.
		s := start(t, memory.NewDisk())
		for n := range 3000 {
			writeOps(t, s.engine, lockOps(fmt.Sprintf("k%04d", n), "p", 30))
		}
		require.Equal(t, "error none", resolveCommitted.send(t.Context(), overGRPC{to: s}, rc), "answer of KvResolveLock with 3000 locks")
		lines := stored(t, s.engine)
		require.Len(t, lines, 6000, "records and values after KvResolveLock of 3000 locks")
		require.Equal(t, "record k0000 @ 40: Put by 30", lines[0], "the first line of what is stored after KvResolveLock of 3000 locks")
	})
}

// A lucky storage can be read. Once left writes have succeeded, err refuses all others.
type lucky struct {
	storage.Storage
	left int
	err  error
}

func (s *lucky) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	if s.left == 0 && s.err != nil {
		return s.err
	}
	err := s.Storage.Write(ctx, rc, ops)
	if err == nil {
		s.left--
	}
	return err
}

// The storage accepts one write, and then no other.
func TestResolveEndsEarly4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a KvResolveLock that fails after one of its writes says so, has finished some keys whole and left the others locked, and can be repeated",
		Source: "the comment on KvResolveLock",
	}, func(t *graded.T) {
		for _, c := range []struct {
			err  error
			want string
		}{
			{&region.Error{Err: &errorpb.Error{Message: "the region was split"}}, "region error: the region was split"},
			{errors.New("bad sector"), "status Internal: bad sector"},
		} {
			for _, commit := range []int{40, 0} {
				s := start(t, memory.NewDisk())
				lockMany(t, s)
				all := resolved(t, s, commit)
				lucky := &lucky{Storage: s.storage, left: 1, err: c.err}
				on := connect(t, lucky)
				command := resolveAt("KvResolveLock", commit)
				saysWhy(t, c.want, command.send(t.Context(), overGRPC{to: on}, rc), "answer of KvResolveLock, of whose writes only the first has succeeded")
				left := resolved(t, s, commit)
				require.Less(t, left, all, "locks that are left after one write of KvResolveLock has succeeded, and finished some")
				require.Positive(t, left, "locks that are left after one write of KvResolveLock has succeeded, and no other")
				s.released("KvResolveLock, of whose writes only the first has succeeded,")
				lucky.err = nil
				require.Equal(t, "error none", command.send(t.Context(), overGRPC{to: on}, rc), "answer of KvResolveLock, sent again")
				require.Zero(t, resolved(t, s, commit), "locks that are left after KvResolveLock was sent again")
			}
		}
	})
}

// Reads fail, at once or halfway.
func TestTxnReadErrors4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command whose reads fail ends with status Internal, and leaves nothing open",
		Source: outcomes + ", and the comment on txnOutcome",
	}, func(t *graded.T) {
		bad := errors.New("bad sector")
		for _, c := range []struct {
			name   string
			reader *fakeReader
		}{
			{"Get and Iterate fail", &fakeReader{get: bad, iterate: bad}},
			{"Get fails, and iterators end with an error", &fakeReader{get: bad, walk: bad}},
		} {
			s := connect(t, &fakeStorage{reader: c.reader})
			for _, command := range commands4C {
				saysWhy(t, "status Internal: bad sector", command.send(t.Context(), overGRPC{to: s}, rc), "answer of %s when %s", command.name, c.name)
				require.Zero(t, c.reader.readers.Load(), "readers still open after %s when %s", command.name, c.name)
				require.Zero(t, c.reader.iterators.Load(), "iterators still open after %s when %s", command.name, c.name)
			}
		}
	})
}

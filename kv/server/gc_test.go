package server_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pingcap/errors"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A ledStorage has the terms of a leader. All regions have the same keys.
type ledStorage struct {
	storage.Storage

	mu   sync.Mutex
	term uint64
	// opening is called once before the next view is opened.
	opening func()
	// hold, if it is not nil, holds back writes until it is closed.
	hold chan struct{}
}

func (s *ledStorage) elect(term uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.term = term
}

type ledReader struct {
	storage.Reader
	term uint64
}

func (r *ledReader) Term() uint64 { return r.term }

func (s *ledStorage) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	s.mu.Lock()
	opening := s.opening
	s.opening = nil
	s.mu.Unlock()
	if opening != nil {
		opening()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, err := s.Storage.Reader(ctx, rc)
	if err != nil {
		return nil, err
	}
	return &ledReader{r, s.term}, nil
}

func (s *ledStorage) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	s.mu.Lock()
	hold := s.hold
	s.mu.Unlock()
	if hold != nil {
		<-hold
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if rc.GetTerm() != 0 && rc.GetTerm() < s.term {
		return region.Stale(rc.GetRegionId())
	}
	return s.Storage.Write(ctx, rc, ops)
}

// A gcRun is a store that leads regions, and a scheduler.
type gcRun struct {
	*testing.T
	tinykvpb.TinyKvServer
	storage *ledStorage
	guard   *server.Guard

	mu    sync.Mutex
	safe  transaction.SafePoint
	asked int
	away  bool // the scheduler does not answer
	// answering is called once in the middle of the next question: the answer is from before.
	answering func()
	removed   int
}

func newGCRun(t *testing.T) *gcRun {
	disk := memory.NewDisk()
	alone := standalone.New(standalone.Config{Open: func() (engine.Engine, error) { return disk.Open(engine.Families...) }})
	require.NoError(t, alone.Start())
	t.Cleanup(func() { alone.Stop() })
	r := &gcRun{T: t, storage: &ledStorage{Storage: alone, term: 5}}
	r.lead()
	return r
}

// lead makes the store one that has just started: it knows of no safe point.
func (r *gcRun) lead() {
	r.guard = server.NewGuard(r.ask, func(records int) { r.removed += records })
	r.TinyKvServer = r.guard.Server(server.New(r.guard.Storage(r.storage)), r.storage)
}

func (r *gcRun) ask(context.Context) (transaction.SafePoint, error) {
	r.mu.Lock()
	safe, away, answering := r.safe, r.away, r.answering
	r.asked++
	r.answering = nil
	r.mu.Unlock()
	if answering != nil {
		answering()
	}
	if away {
		return transaction.SafePoint{}, errors.New("the scheduler is away")
	}
	return safe, nil
}

// publish sets the safe point of the scheduler, in milliseconds.
func (r *gcRun) publish(published, clean int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.safe = transaction.SafePoint{Published: at(published), Clean: at(clean)}
}

var home = &kvrpcpb.Context{RegionId: 7}

func outcomeOf(err error, region interface{ GetMessage() string }, errors ...*kvrpcpb.KeyError) string {
	for _, e := range errors {
		if e.GetTooOld() != nil {
			if e.GetAbort() == "" {
				return "not known"
			}
			return "too old"
		}
	}
	var set []*kvrpcpb.KeyError
	for _, e := range errors {
		if e != nil {
			set = append(set, e)
		}
	}
	return answer(err, region.GetMessage(), set...)
}

func (r *gcRun) get(key string, ms int) string {
	resp, err := r.KvGet(r.Context(), &kvrpcpb.GetRequest{Context: home, Key: []byte(key), Version: at(ms)})
	if outcome := outcomeOf(err, resp.GetRegionError(), resp.GetError()); outcome != "done" {
		return outcome
	}
	if resp.NotFound {
		return absent
	}
	return string(resp.Value)
}

func (r *gcRun) prewrite(ms int, keys ...string) string {
	req := prewriteOf(ms, keys...)
	req.Context = home
	resp, err := r.KvPrewrite(r.Context(), req)
	return outcomeOf(err, resp.GetRegionError(), resp.GetErrors()...)
}

func (r *gcRun) commit(start, commit int, keys ...string) string {
	req := commitOf(start, commit, keys...)
	req.Context = home
	resp, err := r.KvCommit(r.Context(), req)
	return outcomeOf(err, resp.GetRegionError(), resp.GetError())
}

func (r *gcRun) rollback(ms int, key string) string {
	resp, err := r.KvBatchRollback(r.Context(), &kvrpcpb.BatchRollbackRequest{Context: home, StartVersion: at(ms), Keys: [][]byte{[]byte(key)}})
	return outcomeOf(err, resp.GetRegionError(), resp.GetError())
}

// status returns what became of a transaction, at a time at which no lock is alive.
func (r *gcRun) status(key string, ms int) string {
	resp, err := r.KvCheckTxnStatus(r.Context(), &kvrpcpb.CheckTxnStatusRequest{Context: home, PrimaryKey: []byte(key), LockTs: at(ms), CurrentTs: at(1e6)})
	switch outcome := outcomeOf(err, resp.GetRegionError(), resp.GetError()); {
	case outcome != "done":
		return outcome
	case resp.CommitVersion != 0:
		return "committed at " + millis(resp.CommitVersion)
	}
	return "rolled back"
}

func (r *gcRun) put(key string, start, commit int) {
	r.Helper()
	require.Equal(r, "done", r.prewrite(start, key), "prewrite of %s by %d", key, start)
	require.Equal(r, "done", r.commit(start, commit, key), "commit of %s by %d", key, start)
}

// oldLocks returns the keys of old locks.
func (r *gcRun) oldLocks(ms int) (keys []string, outcome string) {
	resp, err := r.KvScanLock(r.Context(), &kvrpcpb.ScanLockRequest{Context: home, MaxVersion: at(ms)})
	for _, l := range resp.GetLocks() {
		keys = append(keys, string(l.Key))
	}
	return keys, outcomeOf(err, resp.GetRegionError())
}

func (r *gcRun) collect(ms int) string {
	resp, err := r.KvGC(r.Context(), &kvrpcpb.GCRequest{Context: home, SafePoint: at(ms)})
	return outcomeOf(err, resp.GetRegionError())
}

// gc does all steps of a collection.
func (r *gcRun) gc(ms int) {
	r.Helper()
	r.publish(ms, 0)
	keys, outcome := r.oldLocks(ms)
	require.Equal(r, "done", outcome)
	require.Empty(r, keys)
	r.publish(ms, ms)
	require.Equal(r, "done", r.collect(ms))
}

func TestCollectedVersionsAreNotMissed(t *testing.T) {
	r := newGCRun(t)
	r.put("k", 10, 11)
	r.put("k", 20, 21)
	r.gc(30)
	require.Equal(t, 1, r.removed)
	require.Equal(t, "too old", r.get("k", 29))
	require.Equal(t, "20", r.get("k", 30))
	require.Equal(t, "20", r.get("k", 40))
	r.put("k", 50, 51)
	require.Equal(t, "20", r.get("k", 40))
	require.Equal(t, "50", r.get("k", 60))

	scan := func(version uint64) *kvrpcpb.ScanResponse {
		resp, err := r.KvScan(t.Context(), &kvrpcpb.ScanRequest{Context: home, StartKey: []byte("a"), Limit: 10, Version: version})
		require.NoError(t, err)
		require.Len(t, resp.Pairs, 1)
		return resp
	}
	refused := scan(at(29)).Pairs[0]
	require.Equal(t, "a", string(refused.Key), "a client looks for errors in the range that it asked for")
	require.Equal(t, []uint64{at(29), at(30)}, []uint64{refused.Error.TooOld.Version, refused.Error.TooOld.SafePoint})
	require.Contains(t, refused.Error.Abort, "begin a new transaction")
	require.Equal(t, "20", string(scan(at(30)).Pairs[0].Value))
	require.Equal(t, "50", string(scan(math.MaxUint64).Pairs[0].Value))
}

// What a store of an earlier term has removed, a new leader does not know. It asks before it
// answers, once a term, and for each region.
func TestNewLeaderAsks(t *testing.T) {
	r := newGCRun(t)
	r.put("k", 10, 11)
	r.gc(30)
	r.lead()
	r.asked = 0
	require.Equal(t, "too old", r.get("k", 20))
	require.Equal(t, "10", r.get("k", 40))
	require.Equal(t, "too old", r.prewrite(25, "k"))
	require.Equal(t, "not known", r.status("k", 10))
	require.Equal(t, 1, r.asked)
	r.storage.elect(6)
	require.Equal(t, "too old", r.get("k", 20), "what is known is enough")
	require.Equal(t, 1, r.asked)
	require.Equal(t, "10", r.get("k", 40))
	require.Equal(t, "10", r.get("k", 40))
	require.Equal(t, 2, r.asked)

	// Another leader has gone on meanwhile.
	r.publish(60, 60)
	r.storage.elect(8)
	require.Equal(t, "too old", r.get("k", 40))
	require.Equal(t, 3, r.asked)
}

// Without an answer, a new leader serves only what needs none.
func TestSchedulerIsAway(t *testing.T) {
	r := newGCRun(t)
	r.put("k", 10, 11)
	r.away = true
	require.Equal(t, "10", r.get("k", 20), "it has asked in this term")
	r.storage.elect(6)
	require.Contains(t, r.get("k", 20), "region error it is not known which versions may have been removed: the scheduler is away")
	require.Contains(t, r.prewrite(30, "k"), "region error")
	require.Contains(t, r.status("k", 10), "region error")
	resp, err := r.KvGet(t.Context(), &kvrpcpb.GetRequest{Context: home, Key: []byte("k"), Version: math.MaxUint64})
	require.NoError(t, err)
	require.Equal(t, "10", string(resp.Value), "the newest version is never missing")
	region, err := r.KvGet(t.Context(), &kvrpcpb.GetRequest{Context: home, Key: []byte("k"), Version: at(20)})
	require.NoError(t, err)
	require.NotNil(t, region.RegionError.ServerIsBusy, "the client should come again, to this store")
	r.away = false
	require.Equal(t, "10", r.get("k", 20))
}

// The term of the view counts: between the request and the view another store may have led.
func TestLeaderChangesBeforeView(t *testing.T) {
	r := newGCRun(t)
	r.put("k", 10, 11)
	r.put("k", 20, 21)
	require.Equal(t, "10", r.get("k", 15))
	r.storage.opening = func() {
		r.publish(30, 30)
		other := server.NewGuard(r.ask, nil) // of another store
		_, err := other.Server(server.New(r.storage), r.storage).KvGC(t.Context(), &kvrpcpb.GCRequest{Context: home, SafePoint: at(30)})
		require.NoError(t, err)
		r.storage.elect(7)
	}
	require.Equal(t, "too old", r.get("k", 15))
}

// Versions may be removed between the request and the view, by the same leader.
func TestCollectionBeforeView(t *testing.T) {
	r := newGCRun(t)
	r.put("k", 10, 11)
	r.put("k", 20, 21)
	require.Equal(t, "10", r.get("k", 15))
	r.storage.opening = func() { r.gc(30) }
	require.Equal(t, "too old", r.get("k", 15))
}

// An answer to a question that began before the term may be from before the safe point.
func TestQuestionOfAnEarlierTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newGCRun(t)
		r.put("k", 10, 11)
		r.put("k", 20, 21)
		r.storage.elect(6)
		release := make(chan struct{})
		r.answering = func() { <-release }
		var first, second string
		go func() { first = r.get("k", 15) }()
		synctest.Wait()
		r.storage.elect(7)
		r.publish(30, 30)
		go func() { second = r.get("k", 15) }()
		synctest.Wait()
		require.Empty(t, second, "it waits for a question of its own")
		close(release)
		synctest.Wait()
		require.Equal(t, "10", first, "its view is from before")
		require.Equal(t, "too old", second)
	})
}

// Many requests that wait for an answer share questions, also if those that would ask have left.
func TestQuestionsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newGCRun(t)
		r.put("k", 10, 11)
		r.storage.elect(6)
		r.asked = 0
		release := make(chan struct{})
		r.answering = func() { <-release }
		leaving, leave := context.WithCancel(t.Context())
		served, left := 0, 0
		for n := range 20 {
			go func() {
				ctx := t.Context()
				if n%2 == 1 {
					ctx = leaving
				}
				resp, err := r.KvGet(ctx, &kvrpcpb.GetRequest{Context: home, Key: []byte("k"), Version: at(20)})
				r.mu.Lock()
				defer r.mu.Unlock()
				if err == nil && string(resp.Value) == "10" {
					served++
				} else if err != nil {
					left++
				}
			}()
			synctest.Wait()
		}
		leave()
		synctest.Wait()
		require.Equal(t, 10, left)
		close(release)
		synctest.Wait()
		require.Equal(t, 10, served)
		require.Equal(t, 2, r.asked)
	})
}

// A prewrite that was let in before the safe point was heard of is waited for: its lock is
// found, or never comes.
func TestPrewriteUnderWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newGCRun(t)
		r.put("other", 1, 2) // the scheduler was asked
		r.storage.hold = make(chan struct{})
		var old, young string
		go func() { old = r.prewrite(20, "old") }()
		go func() { young = r.prewrite(40, "young") }()
		synctest.Wait()
		r.publish(30, 0)
		var found []string
		var outcome string
		go func() { found, outcome = r.oldLocks(30) }()
		synctest.Wait()
		require.Empty(t, outcome, "the scan waits")
		require.Equal(t, "too old", r.prewrite(25, "late"))
		close(r.storage.hold)
		synctest.Wait()
		require.Equal(t, []string{"done", "done", "done"}, []string{old, young, outcome})
		require.Equal(t, []string{"old"}, found)
	})
}

// The scan waits for no prewrite that is above the safe point, and not longer than its client.
func TestScanOfLocksWaitsForNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newGCRun(t)
		r.put("other", 1, 2)
		hold := make(chan struct{})
		r.storage.hold = hold
		go func() { r.prewrite(40, "young") }()
		synctest.Wait()
		r.publish(30, 0)
		_, outcome := r.oldLocks(30)
		require.Equal(t, "done", outcome)
		r.publish(50, 0)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := r.KvScanLock(ctx, &kvrpcpb.ScanLockRequest{Context: home, MaxVersion: at(50)})
		require.ErrorContains(t, err, "deadline")
		_, err = r.KvScanLock(t.Context(), &kvrpcpb.ScanLockRequest{Context: &kvrpcpb.Context{RegionId: 8}, MaxVersion: at(50)})
		require.NoError(t, err, "a region without a majority does not hold up another one")
		close(hold)
	})
}

// A prewrite that is under way while another store leads can no longer place its lock.
func TestPrewriteOfAnEarlierTerm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newGCRun(t)
		r.put("other", 1, 2)
		r.storage.hold = make(chan struct{})
		var outcome string
		go func() { outcome = r.prewrite(20, "old") }()
		synctest.Wait()
		r.storage.elect(7)
		close(r.storage.hold)
		synctest.Wait()
		require.Equal(t, "region error region 7 has had another leader since", outcome)
	})
}

// As long as the clean point is below, it can be found out what became of old transactions,
// and they can be finished: also from the absence of a record.
func TestOldTransactionsAreFinished(t *testing.T) {
	r := newGCRun(t)
	require.Equal(t, "done", r.prewrite(10, "a", "b"))
	require.Equal(t, "done", r.commit(10, 40, "a"))
	require.Equal(t, "done", r.prewrite(12, "c", "d"))
	r.publish(30, 5)
	locks, outcome := r.oldLocks(30)
	require.Equal(t, "done", outcome)
	require.Equal(t, []string{"b", "c", "d"}, locks)
	require.Equal(t, "committed at 40", r.status("a", 10))
	require.Equal(t, "rolled back", r.status("never written", 11))
	require.Equal(t, "done", r.commit(12, 41, "c"), "an old transaction may commit as long as it has its locks")
	for start, commit := range map[int]int{10: 40, 12: 41} {
		resp, err := r.KvResolveLock(t.Context(), &kvrpcpb.ResolveLockRequest{Context: home, StartVersion: at(start), CommitVersion: at(commit)})
		require.NoError(t, err)
		require.Nil(t, resp.RegionError)
	}
	locks, _ = r.oldLocks(30)
	require.Empty(t, locks)
	r.gc(30)
	require.Equal(t, "10", r.get("b", 50))
	require.Equal(t, "12", r.get("c", 50))
}

// When records may be gone, their absence proves nothing: what comes late is refused.
func TestLateRequests(t *testing.T) {
	r := newGCRun(t)
	require.Equal(t, "done", r.rollback(10, "k"))
	require.Equal(t, "abort", r.prewrite(10, "k"))
	r.put("k", 12, 13)
	r.put("k", 14, 15)
	r.gc(30)
	require.Equal(t, 2, r.removed, "the rollback, and a version")
	require.Equal(t, "too old", r.prewrite(10, "k"), "its rollback is no longer there")
	require.Equal(t, "not known", r.commit(12, 13, "k"), "it was committed, and that is no longer there")
	require.Equal(t, "not known", r.status("k", 12))
	require.Equal(t, "not known", r.rollback(12, "k"))
	require.Equal(t, "not known", r.status("k", 30), "at the clean point itself")
	require.Equal(t, "rolled back", r.status("k", 31))
	require.Equal(t, "abort", r.prewrite(31, "k"))
	require.Equal(t, "14", r.get("k", 50))
}

// A store takes the word of the scheduler only.
func TestCollectionAboveSafePoint(t *testing.T) {
	r := newGCRun(t)
	r.put("k", 10, 11)
	r.put("k", 12, 13)
	r.publish(30, 20)
	_, outcome := r.oldLocks(31)
	require.Equal(t, "status InvalidArgument", outcome)
	require.Equal(t, "status InvalidArgument", r.collect(21))
	require.Equal(t, "done", r.collect(20))
	require.Equal(t, "done", r.collect(15), "another collector may be behind")
	require.Equal(t, 1, r.removed)
	require.Equal(t, "too old", r.get("k", 29))
	require.Equal(t, "12", r.get("k", 30))
	for _, req := range []*kvrpcpb.GCRequest{{Context: home}, {Context: home, SafePoint: math.MaxUint64}, {Context: home, SafePoint: at(5), StartKey: make([]byte, 1<<20)}} {
		_, err := r.KvGC(t.Context(), req)
		require.Error(t, err)
	}
	r.away = true
	resp, err := r.KvGC(t.Context(), &kvrpcpb.GCRequest{Context: home, SafePoint: at(25)})
	require.NoError(t, err)
	require.NotNil(t, resp.RegionError.ServerIsBusy)
}

// A transaction that is committed in one phase goes through the same check, and is waited for.
func TestOnePhaseIsGuarded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newGCRun(t)
		kv := server.NewOnePhase(server.New(r.guard.Storage(r.storage)), func(context.Context) (uint64, error) { return at(100), nil })
		r.TinyKvServer = r.guard.Server(kv, r.storage)
		r.storage.hold = make(chan struct{})
		request := func(ms int) *kvrpcpb.PrewriteRequest {
			req := prewriteOf(ms, "k")
			req.Context, req.OnePhase = home, true
			return req
		}
		var committed *kvrpcpb.PrewriteResponse
		go func() { committed, _ = r.KvPrewrite(t.Context(), request(20)) }()
		synctest.Wait()
		r.publish(30, 0)
		var outcome string
		go func() { _, outcome = r.oldLocks(30) }()
		synctest.Wait()
		require.Empty(t, outcome)
		close(r.storage.hold)
		synctest.Wait()
		require.Equal(t, "done", outcome)
		require.Equal(t, at(100), committed.GetCommitVersion())
		late, err := r.KvPrewrite(t.Context(), request(20))
		require.NoError(t, err)
		require.NotNil(t, late.Errors[0].TooOld)
		require.Equal(t, "committed at 100", r.status("k", 20))
	})
}

// Without a guard there is no collection.
func TestNoGuard(t *testing.T) {
	s := server.New(&fakeStorage{})
	_, err := s.KvGC(t.Context(), &kvrpcpb.GCRequest{})
	require.ErrorContains(t, err, "Unimplemented")
	_, err = s.KvScanLock(t.Context(), &kvrpcpb.ScanLockRequest{})
	require.ErrorContains(t, err, "Unimplemented")
}

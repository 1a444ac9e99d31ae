package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/errorpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

const handlers = `"What a handler does" in the package comment of kv/transaction`

// A transaction from its prewrite to its commit, with each request sent twice, and a crash
// after each: what a client was told is done is on the disk.
func TestTransactionsAreDurable4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what a transaction was told is done survives a crash, and requests may be sent again",
		Source: protocol,
	}, func(t *graded.T) {
		disk := memory.NewDisk()
		after := func(what string, want string, call func(ctx context.Context, c txnClient) string) {
			t.Helper()
			for _, time := range []string{"", ", sent again after a crash"} {
				s := start(t, disk)
				require.Equal(t, want, call(t.Context(), txnClient{s.client}), "%s%s", what, time)
				disk.Crash(0)
			}
		}
		prewrite := func(req *kvrpcpb.PrewriteRequest) func(context.Context, txnClient) string {
			return func(ctx context.Context, c txnClient) string { return c.prewrite(ctx, req) }
		}
		commit := func(req *kvrpcpb.CommitRequest) func(context.Context, txnClient) string {
			return func(ctx context.Context, c txnClient) string { return c.commit(ctx, req) }
		}
		read := func(key string, ms int) func(context.Context, txnClient) string {
			return func(ctx context.Context, c txnClient) string { return c.read(ctx, key, ms) }
		}
		after("the commit of a transaction that was not prewritten", "retryable", commit(commitOf(10, 20, "a", "b")))
		after("the prewrite of a and b", "done", prewrite(prewriteOf(10, "a", "b")))
		after("a read of b, which is locked", "locked by 10", read("b", 15))
		after("another transaction's prewrite of b", "locked by 10", prewrite(prewriteOf(12, "c", "b")))
		after("a read of c, which was not locked for b is", absent, read("c", 15))
		after("the commit of a and b", "done", commit(commitOf(10, 20, "a", "b")))
		after("a read of b at its commit", "10", read("b", 20))
		after("a read of a before its commit", absent, read("a", 19))
		after("another transaction's prewrite of b, which was committed since", "conflict at 20", prewrite(prewriteOf(12, "b")))
	})
}

// A store leads a region, loses it, and leads it again. Meanwhile another one has led, and
// what that one has decided came with the log.
func TestNothingIsRemembered4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what a request is told depends on what is stored, and not on what the store has answered before",
		Source: handlers,
	}, func(t *graded.T) {
		s := &heldStorage{}
		c := s.serve(t)
		ctx := t.Context()
		change := func(ops ...engine.Op) func() {
			return func() { writeOps(t, s.engine, ops) }
		}
		remove := func(cf engine.CF, key []byte) engine.Op { return engine.Op{CF: cf, Key: key, Delete: true} }
		k := []byte("k")
		unlock := remove(engine.CFLock, transaction.EncodeKey(k))
		record := func(kind kvrpcpb.Op, start, commit int) engine.Op {
			r := transaction.Record{StartTS: at(start), Kind: kind}
			return engine.Op{CF: engine.CFWrite, Key: transaction.VersionKey(k, at(commit)), Value: r.Encode()}
		}
		rolledBack := func(start int) func() {
			return change(unlock, remove(engine.CFDefault, transaction.VersionKey(k, at(start))), record(kvrpcpb.Op_Rollback, start, start))
		}
		prewrite := func(start int) func() string { return func() string { return c.prewrite(ctx, prewriteOf(start, "k")) } }
		commit := func(start, end int) func() string {
			return func() string { return c.commit(ctx, commitOf(start, end, "k")) }
		}
		read := func() string { return c.read(ctx, "k", 100) }
		for _, step := range []struct {
			meanwhile string // what another leader has done since the step before
			change    func()
			what      string
			send      func() string
			want      string
		}{
			{"nothing", nil, "a get at 100", read, absent},
			{"nothing", nil, "the prewrite of 10", prewrite(10), "done"},
			{"rolled 10 back", rolledBack(10), "the prewrite of 10, sent again", prewrite(10), "abort"},
			{"nothing", nil, "the commit of 10", commit(10, 20), "abort"},
			{"nothing", nil, "a get at 100", read, absent},
			{"committed 30 at 40", change(versionOps("k", 30, 40)...), "a get at 100", read, "v"},
			{"nothing", nil, "the prewrite of 35", prewrite(35), "conflict at 40"},
			{"nothing", nil, "the prewrite of 50", prewrite(50), "done"},
			{"nothing", nil, "the commit of 50", commit(50, 60), "done"},
			{"nothing", nil, "a get at 100", read, "50"},
			{"locked the key for 70", change(lockOps("k", "k", 70)...), "a get at 100", read, "locked by 70"},
			{"nothing", nil, "the prewrite of 80", prewrite(80), "locked by 70"},
			{"committed 70 at 75", change(unlock, record(kvrpcpb.Op_Put, 70, 75)), "a get at 100", read, "v"},
			{"nothing", nil, "the prewrite of 80, sent again", prewrite(80), "done"},
			{"rolled 80 back", rolledBack(80), "the commit of 80", commit(80, 90), "abort"},
			{"nothing", nil, "a get at 100", read, "v"},
			{"become the leader", func() { s.readerErr = region.Stale(3) }, "a get at 100", read, "region error region 3 has had another leader since"},
			{"remained the leader", nil, "the prewrite of 80, sent again", prewrite(80), "region error region 3 has had another leader since"},
			{"remained the leader", nil, "the commit of 50, sent again", commit(50, 60), "region error region 3 has had another leader since"},
		} {
			if step.change != nil {
				step.change()
			}
			require.Equal(t, step.want, step.send(), "%s (since the request before, another leader has: %s)", step.what, step.meanwhile)
		}
	})
}

// Requests that make no sense are the client's fault, and change nothing.
func TestBadTransactionalRequests4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a transactional request that no store could serve ends with status InvalidArgument and changes nothing",
		Source: outcomes,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		c := txnClient{s.client}
		require.Equal(t, "done", c.prewrite(t.Context(), prewriteOf(50, "k")), "the prewrite of k")
		long := strings.Repeat("k", transaction.MaxKeySize+1)
		spoilt := func(spoil func(*kvrpcpb.PrewriteRequest)) *kvrpcpb.PrewriteRequest {
			req := prewriteOf(60, "a", "b")
			spoil(req)
			return req
		}
		for _, request := range []struct {
			what string
			call func() string
		}{
			{"Get of no key", func() string { return c.read(t.Context(), "", 60) }},
			{"Get of a key too long", func() string { return c.read(t.Context(), long, 60) }},
			{"Get without a timestamp", func() string { return c.read(t.Context(), "k", 0) }},
			{"Prewrite of nothing", func() string {
				return c.prewrite(t.Context(), spoilt(func(r *kvrpcpb.PrewriteRequest) { r.Mutations = nil }))
			}},
			{"Prewrite without a primary key", func() string {
				return c.prewrite(t.Context(), spoilt(func(r *kvrpcpb.PrewriteRequest) { r.PrimaryLock = nil }))
			}},
			{"Prewrite without a start", func() string {
				return c.prewrite(t.Context(), spoilt(func(r *kvrpcpb.PrewriteRequest) { r.StartVersion = 0 }))
			}},
			{"Prewrite of a rollback", func() string {
				return c.prewrite(t.Context(), spoilt(func(r *kvrpcpb.PrewriteRequest) { r.Mutations[1].Op = kvrpcpb.Op_Rollback }))
			}},
			{"Prewrite of one key twice", func() string {
				return c.prewrite(t.Context(), spoilt(func(r *kvrpcpb.PrewriteRequest) { r.Mutations[1].Key = []byte("a") }))
			}},
			{"Prewrite of no key", func() string { return c.prewrite(t.Context(), prewriteOf(60, "a", "")) }},
			{"Prewrite of a key too long", func() string { return c.prewrite(t.Context(), prewriteOf(60, "a", long)) }},
			{"Commit of nothing", func() string { return c.commit(t.Context(), commitOf(50, 60)) }},
			{"Commit of no key", func() string { return c.commit(t.Context(), commitOf(50, 60, "k", "")) }},
			{"Commit of a key too long", func() string { return c.commit(t.Context(), commitOf(50, 60, "k", long)) }},
			{"Commit without a start", func() string { return c.commit(t.Context(), commitOf(0, 60, "k")) }},
			{"Commit at its start", func() string { return c.commit(t.Context(), commitOf(50, 50, "k")) }},
			{"Commit before its start", func() string { return c.commit(t.Context(), commitOf(50, 40, "k")) }},
		} {
			require.Equal(t, "status InvalidArgument", request.call(), "%s", request.what)
		}
		require.Equal(t, "locked by 50", c.read(t.Context(), "k", 100), "the key that was locked before, after requests that make no sense")
		require.Equal(t, absent, c.read(t.Context(), "a", 100), "a key of requests that make no sense")
		require.Zero(t, s.engine.OpenSnapshots(), "readers still open after requests that make no sense")
	})
}

// What a storage says goes where the comment on outcome says, for each of the commands,
// and whether it says it to the reader or to the write.
func TestStorageErrorsOfTransactions4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an error of the storage reaches the client: a region error in the response, any other one as a status",
		Source: "the comments on outcome and txnOutcome (kv/server)",
	}, func(t *graded.T) {
		elsewhere := &region.Error{Err: &errorpb.Error{Message: "ask peer 7", NotLeader: &errorpb.NotLeader{RegionId: 5}}}
		for _, c := range []struct {
			name string
			err  error
			want string
		}{
			{"a region error", elsewhere, "region error ask peer 7"},
			{"a wrapped region error", fmt.Errorf("propose: %w", elsewhere), "region error ask peer 7"},
			{"an error of the disk", errors.New("bad sector"), "status " + codes.Internal.String()},
			{"a full disk", fmt.Errorf("kv engine: %w", engine.ErrDiskFull), "status " + codes.Internal.String()},
			{"that it does not run", storage.ErrNotRunning, "status " + codes.Unavailable.String()},
			{"that the outcome is unknown", fmt.Errorf("propose: %w", storage.ErrOutcomeUnknown), "status " + codes.Unknown.String()},
			{"that it has no context", storage.ErrNoContext, "status " + codes.InvalidArgument.String()},
			{"that the call is over", context.Canceled, "status " + codes.Canceled.String()},
		} {
			s := &heldStorage{}
			client := s.serve(t)
			require.Equal(t, "done", client.prewrite(t.Context(), prewriteOf(10, "k")), "a prewrite while the storage works")
			for _, fail := range []struct {
				what string
				set  func(err error)
				read bool // reads fail, too
			}{
				{"Reader", func(err error) { s.readerErr = err }, true},
				{"a reader, whichever of its methods is called,", func(err error) { s.read = err }, true},
				{"Write", func(err error) { s.writeErr = err }, false},
			} {
				fail.set(c.err)
				require.Equal(t, c.want, client.prewrite(t.Context(), prewriteOf(20, "a")), "the answer to KvPrewrite when %s returns %s", fail.what, c.name)
				require.Equal(t, c.want, client.commit(t.Context(), commitOf(10, 20, "k")), "the answer to KvCommit when %s returns %s", fail.what, c.name)
				want := "locked by 10"
				if fail.read {
					want = c.want
				}
				require.Equal(t, want, client.read(t.Context(), "k", 30), "the answer to KvGet when %s returns %s", fail.what, c.name)
				fail.set(nil)
				require.Zero(t, s.engine.OpenSnapshots(), "readers still open after %s has returned %s", fail.what, c.name)
			}
			require.Equal(t, "done", client.commit(t.Context(), commitOf(10, 20, "k")), "a commit once the storage works again, after %s", c.name)
			require.Equal(t, "10", client.read(t.Context(), "k", 30), "a read once the storage works again, after %s", c.name)
		}
	})
}

// A region error comes complete, and alone.
func TestRegionErrorsOfTransactions4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a response with a region error has nothing else",
		Source: protocol,
	}, func(t *graded.T) {
		s := &heldStorage{}
		c := s.serve(t)
		refusal := &errorpb.Error{Message: "ask peer 7", NotLeader: &errorpb.NotLeader{RegionId: 5, Leader: &metapb.Peer{Id: 7, StoreId: 2}}}
		s.readerErr = &region.Error{Err: refusal}
		get, err := c.KvGet(t.Context(), &kvrpcpb.GetRequest{Context: rc, Key: []byte("k"), Version: at(10)})
		require.NoError(t, err, "status of KvGet")
		require.True(t, proto.Equal(&kvrpcpb.GetResponse{RegionError: refusal}, get), "the response of KvGet is {%v} and should have the storage's region error alone", get)
		prewrite, err := c.KvPrewrite(t.Context(), prewriteOf(10, "k"))
		require.NoError(t, err, "status of KvPrewrite")
		require.True(t, proto.Equal(&kvrpcpb.PrewriteResponse{RegionError: refusal}, prewrite), "the response of KvPrewrite is {%v} and should have the storage's region error alone", prewrite)
		commit, err := c.KvCommit(t.Context(), commitOf(10, 20, "k"))
		require.NoError(t, err, "status of KvCommit")
		require.True(t, proto.Equal(&kvrpcpb.CommitResponse{RegionError: refusal}, commit), "the response of KvCommit is {%v} and should have the storage's region error alone", commit)
	})
}

// An iterator that meets an error looks as if there were no records. A prewrite that
// believed it would overwrite what another transaction has committed.
func TestBrokenIteratorsOfTransactions4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a read that failed halfway is an error of the store, not an absent record",
		Source: "the comment on engine.Iterator",
	}, func(t *graded.T) {
		s := &heldStorage{}
		c := s.serve(t)
		require.Equal(t, "done", c.prewrite(t.Context(), prewriteOf(10, "k")), "the prewrite of k")
		require.Equal(t, "done", c.commit(t.Context(), commitOf(10, 20, "k")), "the commit of k")
		s.walk = errors.New("bad sector")
		for _, request := range []struct{ what, answer string }{
			{"KvGet", c.read(t.Context(), "k", 30)},
			{"KvPrewrite", c.prewrite(t.Context(), prewriteOf(15, "k"))},
			{"KvCommit", c.commit(t.Context(), commitOf(10, 20, "k"))},
		} {
			require.Equal(t, "status Internal", request.answer, "the answer to %s when iterators fail", request.what)
		}
		require.Zero(t, s.engine.OpenIterators(), "iterators still open after they failed")
		require.Zero(t, s.engine.OpenSnapshots(), "readers still open after their iterators failed")
		s.walk = nil
		require.Equal(t, "conflict at 20", c.prewrite(t.Context(), prewriteOf(15, "k")), "the prewrite once iterators work again")
	})
}

// Every request ends with its reader closed, whatever its answer is.
func TestTransactionalReadersAreReleased4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a handler closes every reader and iterator it opened, however it ends",
		Source: "the storage contract (package kv/storage)",
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		c := txnClient{s.client}
		ctx := t.Context()
		for _, step := range []struct {
			what, want string
			call       func() string
		}{
			{"a get of an absent key", absent, func() string { return c.read(ctx, "k", 10) }},
			{"a prewrite", "done", func() string { return c.prewrite(ctx, prewriteOf(10, "k")) }},
			{"a prewrite that was done before", "done", func() string { return c.prewrite(ctx, prewriteOf(10, "k")) }},
			{"a get of a locked key", "locked by 10", func() string { return c.read(ctx, "k", 11) }},
			{"a prewrite of a locked key", "locked by 10", func() string { return c.prewrite(ctx, prewriteOf(12, "k")) }},
			{"a commit without a lock", "retryable", func() string { return c.commit(ctx, commitOf(12, 20, "k")) }},
			{"a commit", "done", func() string { return c.commit(ctx, commitOf(10, 20, "k")) }},
			{"a commit that was done before", "done", func() string { return c.commit(ctx, commitOf(10, 20, "k")) }},
			{"a get", "10", func() string { return c.read(ctx, "k", 30) }},
			{"a prewrite that conflicts", "conflict at 20", func() string { return c.prewrite(ctx, prewriteOf(12, "k")) }},
			{"a commit that makes no sense", "status InvalidArgument", func() string { return c.commit(ctx, commitOf(12, 11, "k")) }},
		} {
			require.Equal(t, step.want, step.call(), "%s", step.what)
			require.Zero(t, s.engine.OpenIterators(), "iterators still open after %s", step.what)
			require.Zero(t, s.engine.OpenSnapshots(), "readers still open after %s", step.what)
		}
	})
}

// The write of a command is good only as long as what it has read is the newest, and so in
// the term of its reader only.
func TestWritesCarryTheirTerm4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the write of a command carries the term of the reader that the command has used, and else the Context of the request",
		Source: "the comment on Term (kv/storage/storage.go)",
	}, func(t *graded.T) {
		sent := func() *kvrpcpb.Context {
			return &kvrpcpb.Context{
				RegionId: 3, RegionEpoch: &metapb.RegionEpoch{ConfVer: 2, Version: 5}, Peer: &metapb.Peer{Id: 8, StoreId: 1},
			}
		}
		for _, c := range []struct{ term, named uint64 }{{7, 0}, {8, 0}, {0, 0}, {7, 7}, {7, 6}, {7, 9}} {
			s := &heldStorage{term: c.term}
			client := s.serve(t)
			want := sent()
			want.Term = c.term
			prewrite, commit := prewriteOf(10, "k"), commitOf(10, 20, "k")
			prewrite.Context, commit.Context = sent(), sent()
			prewrite.Context.Term, commit.Context.Term = c.named, c.named
			require.Equal(t, "done", client.prewrite(t.Context(), prewrite), "a prewrite whose reader is of term %d", c.term)
			require.Equal(t, "done", client.commit(t.Context(), commit), "a commit whose reader is of term %d", c.term)
			require.Len(t, s.contexts, 2, "writes of a prewrite and a commit")
			for i, what := range []string{"prewrite", "commit"} {
				require.True(t, proto.Equal(want, s.contexts[i]), "the Context of the write of a %s is {%v} and should be {%v}: the request has named term %d, and what it decides on was read in term %d", what, s.contexts[i], want, c.named, c.term)
			}
		}
	})
}

// A write that is refused, as one of an earlier term is, is the answer of the command.
func TestRefusedWritesAreAnswered4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command whose write is refused has not taken effect, and its response has the region error",
		Source: outcomes,
	}, func(t *graded.T) {
		s := &heldStorage{term: 7}
		c := s.serve(t)
		require.Equal(t, "done", c.prewrite(t.Context(), prewriteOf(10, "k")), "the prewrite of k")
		s.writeErr = region.Stale(3)
		for _, request := range []struct{ what, answer string }{
			{"KvPrewrite", c.prewrite(t.Context(), prewriteOf(20, "a", "b"))},
			{"KvCommit", c.commit(t.Context(), commitOf(10, 20, "k"))},
		} {
			require.Equal(t, "region error region 3 has had another leader since", request.answer, "the answer to %s whose write is refused", request.what)
		}
		s.writeErr = nil
		require.Equal(t, "locked by 10", c.read(t.Context(), "k", 30), "the key whose commit was refused")
		require.Equal(t, "done", c.prewrite(t.Context(), prewriteOf(30, "b", "a")), "another transaction's prewrite of keys whose prewrite was refused")
	})
}

// Many clients want the same two keys at once, in either order. One of them gets both.
func TestPrewritesRace4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "of transactions that prewrite the same keys at once exactly one locks them, all of them, and none waits forever",
		Source: handlers,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		c := txnClient{s.client}
		const clients, rounds = 8, 25
		for round := range rounds {
			a, b := fmt.Sprintf("a%d", round), fmt.Sprintf("b%d", round)
			answers := make([]string, clients)
			var done sync.WaitGroup
			for i := range clients {
				done.Go(func() {
					keys := [][]string{{a, b}, {b, a}}[i%2]
					answers[i] = c.prewrite(t.Context(), prewriteOf(10+i, keys...))
				})
			}
			done.Wait()
			winner := ""
			for i, answer := range answers {
				if answer == "done" {
					require.Empty(t, winner, "two transactions have locked the keys %s and %s", a, b)
					winner = "locked by " + fmt.Sprint(10+i)
				}
			}
			require.NotEmpty(t, winner, "no transaction has locked the keys %s and %s: the answers are %q", a, b, answers)
			for i, answer := range answers {
				if answer != "done" {
					require.Equal(t, winner, answer, "the answer to client %d", i)
				}
			}
			for _, key := range []string{a, b} {
				require.Equal(t, winner, c.read(t.Context(), key, 100), "a read of key %s afterwards", key)
			}
		}
		require.Zero(t, s.engine.OpenSnapshots(), "readers still open after all clients are done")
	})
}

// Many transactions add to the same counter, and begin again until they have: none of the
// additions is lost.
func TestCountersCount4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "of transactions that read and then write one key at once none overwrites what it has not read",
		Source: "Percolator §2.2",
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		c := txnClient{s.client}
		const clients, additions = 4, 15
		var mu sync.Mutex
		clock := 0
		now := func() int {
			mu.Lock()
			defer mu.Unlock()
			clock++
			return clock
		}
		ctx, stop := context.WithCancel(await.Context(t, "additions to a counter"))
		defer stop()
		failures := make(chan string, clients)
		fail := func(answer string) {
			failures <- answer
			stop() // the others might wait for this client's lock
		}
		var done sync.WaitGroup
		for i := range clients {
			done.Go(func() {
				for added := 0; added < additions; {
					began := now()
					value := c.read(ctx, "counter", began)
					n := 0
					if value != absent {
						if _, err := fmt.Sscan(value, &n); err != nil {
							if strings.HasPrefix(value, "locked") {
								continue
							}
							fail(value)
							return
						}
					}
					req := prewriteOf(began, "counter", fmt.Sprintf("own%d", i))
					req.Mutations[0].Value = []byte(fmt.Sprint(n + 1))
					switch answer := c.prewrite(ctx, req); {
					case answer == "done":
						if answer := c.commit(ctx, commitOf(began, now(), "counter", fmt.Sprintf("own%d", i))); answer != "done" {
							fail(answer)
							return
						}
						added++
					case !strings.HasPrefix(answer, "locked") && !strings.HasPrefix(answer, "conflict"):
						fail(answer)
						return
					}
				}
			})
		}
		done.Wait()
		close(failures)
		for failure := range failures {
			t.Fatalf("a client that adds to a counter gets the answer %q", failure)
		}
		require.Equal(t, fmt.Sprint(clients*additions), c.read(t.Context(), "counter", now()), "the counter after %d additions", clients*additions)
	})
}

// A write takes as long as it takes to reach a majority. Meanwhile, its keys are decided,
// and what was read of them before is no longer true.
func TestKeysAreLatchedUntilWritten4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "while the write of a command is under way, no other command decides on one of its keys",
		Source: handlers,
	}, func(t *graded.T) {
		for _, c := range []struct {
			first, second []string
		}{
			{[]string{"a"}, []string{"a"}},
			{[]string{"a", "b"}, []string{"b"}},
			{[]string{"a", "b", "c"}, []string{"d", "c"}},
			{[]string{"c", "a"}, []string{"a", "b"}},
		} {
			s := &heldStorage{hold: "a"}
			client := s.serve(t)
			first := soon(func() string { return client.prewrite(t.Context(), prewriteOf(10, c.first...)) })
			w := await.Receive(t, s.held, "the write of a prewrite")
			second := soon(func() string { return client.prewrite(t.Context(), prewriteOf(20, c.second...)) })
			notYet(t, second, fmt.Sprintf("the prewrite of %q, while the write of another prewrite of %q is under way", c.second, c.first))
			w.letGo(t)
			require.Equal(t, "done", await.Receive(t, first, "the first prewrite"), "the prewrite of %q", c.first)
			require.Equal(t, "locked by 10", await.Receive(t, second, "the second prewrite"), "the prewrite of %q after another one of %q", c.second, c.first)
		}
	})
}

// Two commits of one transaction, with different timestamps, as two clients may send that
// finish its job. One of them counts.
func TestCommitsAreLatchedUntilWritten4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "while the write of a commit is under way, no other command decides on one of its keys",
		Source: handlers,
	}, func(t *graded.T) {
		s := &heldStorage{}
		c := s.serve(t)
		require.Equal(t, "done", c.prewrite(t.Context(), prewriteOf(10, "a", "b")), "the prewrite of a and b")
		s.hold = "a"
		first := soon(func() string { return c.commit(t.Context(), commitOf(10, 20, "a", "b")) })
		w := await.Receive(t, s.held, "the write of a commit")
		second := soon(func() string { return c.commit(t.Context(), commitOf(10, 30, "b")) })
		notYet(t, second, "a second commit of b, while the write of the first one is under way")
		w.letGo(t)
		require.Equal(t, "done", await.Receive(t, first, "the first commit"), "the first commit")
		require.Equal(t, "done", await.Receive(t, second, "the second commit"), "the second commit, of what is committed")
		require.Equal(t, "10", c.read(t.Context(), "b", 25), "a read at 25 of b, which was committed at 20")
	})
}

// A slow write of one key is no reason for another key to wait.
func TestOtherKeysDoNotWait4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "while the write of a command is under way, commands on other keys are served",
		Source: handlers,
	}, func(t *graded.T) {
		s := &heldStorage{hold: "a"}
		c := s.serve(t)
		first := soon(func() string { return c.prewrite(t.Context(), prewriteOf(10, "a")) })
		w := await.Receive(t, s.held, "the write of a prewrite")
		require.Equal(t, "done", c.prewrite(t.Context(), prewriteOf(20, "b")), "the prewrite of b, while the write of a prewrite of a is under way")
		require.Equal(t, "done", c.commit(t.Context(), commitOf(20, 30, "b")), "the commit of b, while the write of a prewrite of a is under way")
		require.Equal(t, "20", c.read(t.Context(), "b", 30), "a read of b, while the write of a prewrite of a is under way")
		w.letGo(t)
		require.Equal(t, "done", await.Receive(t, first, "the first prewrite"), "the prewrite of a")

		// A region has no majority, and its clients go on to send.
		t.Bubble(func(t *graded.T) {
			const many = 200
			g := newGate(t)
			s := server.New(g)
			var answers []<-chan string
			for i := range many {
				command := prewriteKey(fmt.Sprintf("k%03d", i))
				answers = append(answers, begin(t, t.Context(), command, s))
				synctest.Wait()
				require.Equal(t, i+1, len(g.writes()), "writes that are on their way when %s comes, and those of %d commands on other keys are on their way", command.name, i)
			}
			for g.pass() {
			}
			for i, answer := range answers {
				require.Equal(t, "done", g.finish(t, answer, "KvPrewrite"), "the prewrite of key %d of %d", i, many)
			}
		})
	})
}

// prewriteKey is a prewrite of one key by the transaction of 35.
func prewriteKey(key string) txnCommand {
	return txnCommand{"KvPrewrite of " + key, func(ctx context.Context, s tinykvpb.TinyKvServer, rc *kvrpcpb.Context) string {
		req := prewriteOf(35, key)
		req.Context = rc
		resp, err := s.KvPrewrite(ctx, req)
		return answer(err, resp.GetRegionError().GetMessage(), resp.GetErrors()...)
	}}
}

// A write that takes an hour: the store has no connection to a majority, and gets one. It
// may be written all that time.
func TestSlowWritesKeepTheirLatches4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the keys of a command stay latched until the outcome of its write is known, however long that takes",
		Source: handlers,
	}, func(t *graded.T) {
		for _, hangsUp := range []bool{false, true} {
			t.Bubble(func(t *graded.T) {
				g := newGate(t, twoLocks())
				s := server.New(g)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				one := begin(t, ctx, commitBoth, s)
				synctest.Wait()
				require.Len(t, g.writes(), 1, "writes of the commit of a and b")
				if hangsUp {
					cancel()
				}
				time.Sleep(time.Hour) // of the bubble
				synctest.Wait()
				two := begin(t, t.Context(), prewriteKey("b"), s)
				synctest.Wait()
				select {
				case answer := <-two:
					t.Fatalf("the prewrite of b is answered (%s) while the write of a commit of b has been on its way for an hour, and may still take place", answer)
				default:
				}
				require.Equal(t, "conflict at 40", g.finish(t, two, "KvPrewrite"), "the answer to a prewrite of b that came before the commit of b was written, an hour after that was sent")
				g.finish(t, one, "KvCommit")
			})
		}
	})
}

// There is room for thousands of keys in one write. The second write of the storage, and
// each other one after it, is refused.
func TestManyKeysAllOrNothing4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request with very many keys is carried out at all of them or at none, also if the storage refuses a write",
		Source: `"What a command does" in the package comment of kv/transaction`,
	}, func(t *graded.T) {
		const many = 3000
		s := start(t, memory.NewDisk())
		writes := 0
		on := server.New(&unlucky{s.storage, func() error {
			if writes++; writes%2 == 0 {
				return region.Stale(3)
			}
			return nil
		}})
		var keys []string
		for i := range many {
			keys = append(keys, fmt.Sprintf("k%04d", i))
		}
		count := func(prefix string) (n int) {
			t.Helper()
			for _, line := range stored(t, s.engine) {
				if strings.HasPrefix(line, prefix) {
					n++
				}
			}
			return n
		}
		for _, step := range []struct {
			what, lines string
			send        func() string
		}{
			{"prewrite", "lock ", func() string {
				resp, err := on.KvPrewrite(t.Context(), prewriteOf(10, keys...))
				return answer(err, resp.GetRegionError().GetMessage(), resp.GetErrors()...)
			}},
			{"commit", "record ", func() string {
				resp, err := on.KvCommit(t.Context(), commitOf(10, 20, keys...))
				require.Nil(t, resp.GetError(), "error of a commit of %d keys that are locked", many)
				return answer(err, resp.GetRegionError().GetMessage())
			}},
		} {
			for answered := ""; answered != "done"; {
				answered = step.send()
				n := count(step.lines)
				if n != 0 && n != many {
					t.Fatalf("a %s of %d keys, which is answered with %q, has done %d of them", step.what, many, answered, n)
				}
				require.Equal(t, answered == "done", n == many, "a %s of %d keys, which is answered with %q, has done all of them", step.what, many, answered)
				require.Less(t, writes, 10, "writes of a %s that was sent until it succeeded: every other write is refused", step.what)
			}
		}
	})
}

// The client hangs up while its write is on its way through the log. The write takes place
// nevertheless, and until then no command may decide on the state before it.
func TestLatchesOutliveTheirClients4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the keys of a command stay latched until the outcome of its write is known, also if its client has gone",
		Source: handlers,
	}, func(t *graded.T) {
		s := &heldStorage{hold: "a"}
		c := s.serve(t)
		ctx, hangUp := context.WithCancel(t.Context())
		first := soon(func() string { return c.prewrite(ctx, prewriteOf(10, "a", "b")) })
		w := await.Receive(t, s.held, "the write of a prewrite")
		hangUp()
		require.Equal(t, "status Canceled", await.Receive(t, first, "the end of a call that was canceled"), "the call of a client that hung up")
		second := soon(func() string { return c.prewrite(t.Context(), prewriteOf(20, "b")) })
		notYet(t, second, "the prewrite of b, while the write of a prewrite whose client has gone is under way")
		w.letGo(t)
		require.Equal(t, "locked by 10", await.Receive(t, second, "the second prewrite"), "the prewrite of b after another one whose client has gone")

		s.mu.Lock()
		s.hold = "a"
		s.mu.Unlock()
		ctx, hangUp = context.WithCancel(t.Context())
		first = soon(func() string { return c.commit(ctx, commitOf(10, 30, "a", "b")) })
		w = await.Receive(t, s.held, "the write of a commit")
		hangUp()
		require.Equal(t, "status Canceled", await.Receive(t, first, "the end of a call that was canceled"), "the call of a client that hung up")
		second = soon(func() string { return c.commit(t.Context(), commitOf(10, 40, "b")) })
		notYet(t, second, "a second commit of b, while the write of a commit whose client has gone is under way")
		w.letGo(t)
		require.Equal(t, "done", await.Receive(t, second, "the second commit"), "the second commit of b")
		require.Equal(t, "10", c.read(t.Context(), "b", 35), "a read at 35 of b, which was committed at 30")
	})
}

// A client that hangs up while it waits for a key leaves no trace: its command is never
// carried out, and the others go on.
func TestWaitingCommandsAreGivenUp4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command whose client has gone while it waits for a key holds up no other",
		Source: handlers,
	}, func(t *graded.T) {
		s := &heldStorage{hold: "a"}
		c := s.serve(t)
		first := soon(func() string { return c.prewrite(t.Context(), prewriteOf(10, "a")) })
		w := await.Receive(t, s.held, "the write of a prewrite")
		ctx, hangUp := context.WithCancel(t.Context())
		second := soon(func() string { return c.prewrite(ctx, prewriteOf(20, "b", "a")) })
		notYet(t, second, "the prewrite of b and a, while the write of a prewrite of a is under way")
		hangUp()
		require.Equal(t, "status Canceled", await.Receive(t, second, "the end of a call that was canceled"), "the call of a client that hung up")
		require.Equal(t, "done", c.prewrite(t.Context(), prewriteOf(30, "b")), "the prewrite of b, which a client that hung up has waited for together with a")
		w.letGo(t)
		require.Equal(t, "done", await.Receive(t, first, "the first prewrite"), "the prewrite of a")
		require.Equal(t, "done", c.commit(t.Context(), commitOf(10, 40, "a")), "the commit of a")
	})
}

// A command that fails gives its keys back, like one that succeeds.
func TestKeysAreReleased4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command releases its keys however it ends",
		Source: handlers,
	}, func(t *graded.T) {
		s := &heldStorage{}
		c := s.serve(t)
		ctx := t.Context()
		require.Equal(t, "done", c.prewrite(ctx, prewriteOf(10, "a")), "the first prewrite of a")
		for _, step := range []struct {
			what, want string
			set        func()
			call       func() string
		}{
			{"a prewrite of what is locked", "locked by 10", func() {}, func() string { return c.prewrite(ctx, prewriteOf(20, "a", "b")) }},
			{"a prewrite that was done before", "done", func() {}, func() string { return c.prewrite(ctx, prewriteOf(10, "a")) }},
			{"a commit of what is not locked", "retryable", func() {}, func() string { return c.commit(ctx, commitOf(20, 30, "a", "b")) }},
			{"a commit that makes no sense", "status InvalidArgument", func() {}, func() string { return c.commit(ctx, commitOf(10, 5, "a", "b")) }},
			{"a commit without a reader", "status Internal", func() { s.readerErr = errors.New("no") }, func() string { return c.commit(ctx, commitOf(10, 20, "a")) }},
			{"a commit that cannot read", "status Internal", func() { s.read = errors.New("no") }, func() string { return c.commit(ctx, commitOf(10, 20, "a")) }},
			{"a commit that cannot write", "status Internal", func() { s.writeErr = errors.New("no") }, func() string { return c.commit(ctx, commitOf(10, 20, "a")) }},
		} {
			step.set()
			require.Equal(t, step.want, step.call(), "%s", step.what)
			s.readerErr, s.read, s.writeErr = nil, nil, nil
			require.Equal(t, "done", c.prewrite(ctx, prewriteOf(10, "a")), "the prewrite of a again, after %s", step.what)
		}
		require.Equal(t, "done", c.prewrite(ctx, prewriteOf(20, "b")), "the prewrite of b")
	})
}

// A prewrite that no batch of the engine can hold is not the store's fault either.
func TestPrewriteLargerThanBatch4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a prewrite that is too large for one write ends with status InvalidArgument and locks nothing",
		Source: outcomes,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		req := prewriteOf(10, "a", "b", "c")
		for _, m := range req.Mutations {
			m.Value = make([]byte, engine.MaxBatchSize/3+1)
		}
		_, err := server.New(s.storage).KvPrewrite(t.Context(), req) // larger than what gRPC takes
		require.Equal(t, "status InvalidArgument", answer(err, ""), "a prewrite of three values of more than 5 MiB each")
		c := txnClient{s.client}
		require.Equal(t, "done", c.prewrite(t.Context(), prewriteOf(20, "a", "b", "c")), "the prewrite of another transaction after that")
	})
}

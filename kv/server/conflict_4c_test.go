package server_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/await"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// twoLocks are the locks of the transaction of 30, and a version and a lock of others.
func twoLocks() []engine.Op {
	return slices.Concat(versionOps("a", 10, 20), lockOps("a", "a", 30), lockOps("b", "a", 30), lockOps("c", "c", 33))
}

// afterEachOther sends commands one after the other. It returns their answers, and what is
// stored in the end.
func afterEachOther(t *graded.T, commands ...txnCommand) (answers, content []string) {
	t.Helper()
	g := newGate(t, twoLocks())
	g.open = true
	s := server.New(g)
	for _, c := range commands {
		answers = append(answers, c.send(t.Context(), s, rc))
	}
	return answers, stored(t, g.engine)
}

// begin sends a command from a goroutine of its own. The answer comes through the channel.
func begin(t *graded.T, ctx context.Context, c txnCommand, s *server.Server) <-chan string {
	answer := make(chan string, 1)
	go func() {
		defer close(answer)
		defer t.Catch(nil)
		answer <- c.send(ctx, s, rc)
	}()
	return answer
}

// finish lets writes pass until a command is answered.
func (g *gate) finish(t *graded.T, answer <-chan string, name string) string {
	t.Helper()
	for {
		synctest.Wait()
		select {
		case text := <-answer:
			return text
		default:
			if !g.pass() {
				t.Fatalf("%s is not answered, and no write is on its way", name)
			}
		}
	}
}

// conflicting are the pairs of commands that may meet. (A transaction is not resolved as
// committed and as rolled back: its primary key says one of them.)
func conflicting(visit func(first, second txnCommand)) {
	commands := []txnCommand{commitBoth, rollbackBoth, checkPrimary, beat, resolveCommitted, resolveRolledBack}
	for _, first := range commands {
		for _, second := range commands {
			if first.name == second.name || !strings.HasPrefix(first.name, "KvResolveLock") || !strings.HasPrefix(second.name, "KvResolveLock") {
				visit(first, second)
			}
		}
	}
}

// Each command that writes meets each other one, while the write of the first is on its way.
// The result must be as if the second one had come when the first was answered.
func TestCommandsTakeTurns4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command that writes reads its keys after every earlier command on them has written: of a commit and a rollback at once, one wins and the other is told so",
		Source: handlers,
	}, func(t *graded.T) {
		conflicting(func(first, second txnCommand) {
			t.Bubble(func(t *graded.T) {
				want, content := afterEachOther(t, first, second)
				g := newGate(t, twoLocks())
				s := server.New(g)
				one := begin(t, t.Context(), first, s)
				synctest.Wait()
				before := g.writes()
				require.NotEmpty(t, before, "writes of %s, for a transaction that has locks", first.name)
				two := begin(t, t.Context(), second, s)
				synctest.Wait()
				require.Len(t, g.writes(), len(before), "writes that are on their way when %s comes while the write of %s is on its way: the second one must wait", second.name, first.name)
				select {
				case answer := <-two:
					t.Fatalf("%s is answered (%s) while the write of %s is on its way: it does not know yet what that does to the same keys", second.name, answer, first.name)
				default:
				}
				require.Equal(t, want[0], g.finish(t, one, first.name), "answer of %s, with %s at the same time", first.name, second.name)
				require.Equal(t, want[1], g.finish(t, two, second.name), "answer of %s, which came while the write of %s was on its way", second.name, first.name)
				for g.pass() {
				}
				require.Equal(t, content, stored(t, g.engine), "what is stored after %s and, at the same time, %s", first.name, second.name)
				require.Zero(t, g.engine.OpenSnapshots(), "readers still open after %s and %s", first.name, second.name)
			})
		})
	})
}

// The client of the first command hangs up, or its time is over, while the write is on its
// way. The write still takes effect.
func TestLatchesOutliveClients4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command holds the latches of its keys until the outcome of its write is known, also if its client no longer waits",
		Source: handlers,
	}, func(t *graded.T) {
		conflicting(func(first, second txnCommand) {
			for _, how := range []string{"hangs up", "waits no longer than a second"} {
				t.Bubble(func(t *graded.T) {
					want, content := afterEachOther(t, first, second, first)
					g := newGate(t, twoLocks())
					s := server.New(g)
					ctx, cancel := context.WithCancel(t.Context())
					if how != "hangs up" {
						ctx, cancel = context.WithTimeout(t.Context(), time.Second)
					}
					defer cancel()
					one := begin(t, ctx, first, s)
					synctest.Wait()
					before := g.writes()
					require.NotEmpty(t, before, "writes of %s, for a transaction that has locks", first.name)
					if how == "hangs up" {
						cancel()
					} else {
						time.Sleep(2 * time.Second) // of the bubble
					}
					synctest.Wait()
					two := begin(t, t.Context(), second, s)
					synctest.Wait()
					require.Len(t, g.writes(), len(before), "writes that are on their way when the client of %s %s, and %s comes: it must wait for the outcome of the first write", first.name, how, second.name)
					require.Equal(t, want[1], g.finish(t, two, second.name), "answer of %s, which came when the client of %s %s", second.name, first.name, how)
					g.finish(t, one, first.name)
					// A command of several parts ends early without its client. So it is sent again.
					g.finish(t, begin(t, t.Context(), first, s), first.name)
					for g.pass() {
					}
					require.Equal(t, content, stored(t, g.engine), "what is stored after %s, whose client %s, and %s", first.name, how, second.name)
				})
			}
		})
	})
}

// The second command is about one of the keys that the first one is about.
func TestEveryKeyIsLatched4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command that writes several keys holds the latches of all of them, so that each key is committed or rolled back, and not both",
		Source: handlers,
	}, func(t *graded.T) {
		for _, first := range []txnCommand{commitBoth, rollbackBoth, resolveCommitted, resolveRolledBack} {
			for _, key := range []string{"a", "b"} {
				for _, commits := range []bool{false, true} {
					t.Bubble(func(t *graded.T) {
						g := newGate(t, twoLocks())
						s := server.New(g)
						one := begin(t, t.Context(), first, s)
						synctest.Wait()
						require.NotEmpty(t, g.writes(), "writes of %s, for a transaction that has locks", first.name)
						second := onKey(key, commits)
						answer := g.finish(t, begin(t, t.Context(), second, s), second.name)
						g.finish(t, one, first.name)
						for g.pass() {
						}
						var fates []string
						for _, line := range stored(t, g.engine) {
							if strings.HasPrefix(line, "record "+key) && strings.HasSuffix(line, "by 30") {
								fates = append(fates, line)
							}
						}
						require.Len(t, fates, 1, "records of the transaction at key %s, after %s and, at the same time, %s", key, first.name, second.name)
						refused := strings.Contains(fates[0], "Rollback") == commits
						require.Equal(t, refused, answer == "error abort", "%s is refused (it says %q), and what is stored after it and, at the same time, %s, is: %s", second.name, answer, first.name, fates[0])
					})
				}
			}
		}
	})
}

// onKey commits or rolls back one key of the transaction of 30.
func onKey(key string, commits bool) txnCommand {
	if commits {
		return txnCommand{"KvCommit of key " + key, func(ctx context.Context, s tinykvpb.TinyKvServer, rc *kvrpcpb.Context) string {
			resp, err := s.KvCommit(ctx, &kvrpcpb.CommitRequest{Context: rc, StartVersion: ts(30), CommitVersion: ts(40), Keys: [][]byte{[]byte(key)}})
			return inWords(resp.GetRegionError(), err, "error "+errorWords(resp.GetError()))
		}}
	}
	return txnCommand{"KvBatchRollback of key " + key, func(ctx context.Context, s tinykvpb.TinyKvServer, rc *kvrpcpb.Context) string {
		resp, err := s.KvBatchRollback(ctx, &kvrpcpb.BatchRollbackRequest{Context: rc, StartVersion: ts(30), Keys: [][]byte{[]byte(key)}})
		return inWords(resp.GetRegionError(), err, "error "+errorWords(resp.GetError()))
	}}
}

// A command that waits for its turn gives up with its client, and takes nothing with it.
func TestWaitingCommandsGiveUp4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command that waits for the latches of its keys ends with its client: it has no effect, and holds nothing",
		Source: "the comment on Latches.Acquire",
	}, func(t *graded.T) {
		for _, waits := range []txnCommand{rollbackBoth, checkPrimary, beat, resolveCommitted} {
			t.Bubble(func(t *graded.T) {
				want, content := afterEachOther(t, commitBoth, rollbackBoth)
				g := newGate(t, twoLocks())
				s := server.New(g)
				one := begin(t, t.Context(), commitBoth, s)
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				two := begin(t, ctx, waits, s)
				time.Sleep(2 * time.Second) // of the bubble
				synctest.Wait()
				select {
				case answer := <-two:
					require.Contains(t, answer, "status DeadlineExceeded", "answer of %s, whose time is over while it waits for the latches that KvCommit holds", waits.name)
				default:
					t.Fatalf("%s still waits for the latches that KvCommit holds, a second after its time is over", waits.name)
				}
				require.Len(t, g.writes(), 1, "writes that are on their way after %s has given up", waits.name)
				require.Equal(t, want[0], g.finish(t, one, "KvCommit"), "answer of KvCommit, after %s has given up waiting", waits.name)
				three := begin(t, t.Context(), rollbackBoth, s)
				require.Equal(t, want[1], g.finish(t, three, "KvBatchRollback"), "answer of KvBatchRollback, after %s has given up waiting", waits.name)
				require.Equal(t, content, stored(t, g.engine), "what is stored after %s has given up waiting", waits.name)
			})
		}
	})
}

// The latches are those of keys, not of the store.
func TestOthersDoNotWait4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "while a write is on its way, commands about other keys go on",
		Source: handlers,
	}, func(t *graded.T) {
		for _, first := range []txnCommand{rollbackBoth, checkPrimary, beat, resolveCommitted} {
			t.Bubble(func(t *graded.T) {
				g := newGate(t, twoLocks())
				s := server.New(g)
				one := begin(t, t.Context(), first, s)
				synctest.Wait()
				before := len(g.writes())
				require.Positive(t, before, "writes of %s", first.name)
				two := begin(t, t.Context(), checkOther, s)
				synctest.Wait()
				require.Len(t, g.writes(), before+1, "writes that are on their way when %s comes, and %s of a and b is on its way", checkOther.name, first.name)
				g.finish(t, one, first.name)
				require.Equal(t, "TTLExpireRollback", g.finish(t, two, checkOther.name), "answer of %s", checkOther.name)
			})
		}
	})
}

// manyShortLocks are 3000 locks of the transaction of 30, whose keys are k0000 to k2999.
func manyShortLocks() (ops []engine.Op, keys [][]byte) {
	for n := range 3000 {
		key := fmt.Sprintf("k%04d", n)
		ops, keys = append(ops, lockOps(key, "k0000", 30)...), append(keys, []byte(key))
	}
	return ops, keys
}

// commitKeys commits keys of the transaction of 30.
func commitKeys(name string, keys ...[]byte) txnCommand {
	return txnCommand{name, func(ctx context.Context, s tinykvpb.TinyKvServer, rc *kvrpcpb.Context) string {
		resp, err := s.KvCommit(ctx, &kvrpcpb.CommitRequest{Context: rc, StartVersion: ts(30), CommitVersion: ts(40), Keys: keys})
		return inWords(resp.GetRegionError(), err, "error "+errorWords(resp.GetError()))
	}}
}

// The client of a large transaction, which was taken for dead, goes on to commit its keys
// while another client resolves them.
func TestResolveBesideCommit4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a KvResolveLock and a KvCommit of the same keys do not wait for each other, and no lock is left when the former succeeds, whichever of them has finished which key",
		Source: "the comment on KvResolveLock",
	}, func(t *graded.T) {
		ops, keys := manyShortLocks()
		for _, c := range []struct {
			commit txnCommand
			first  bool // the commit is on its way when KvResolveLock comes
		}{
			{commitKeys("KvCommit of the first 2000 of 3000 keys", keys[:2000]...), true},
			{commitKeys("KvCommit of the last and the first of 3000 keys", keys[2999], keys[0]), false},
			{commitKeys("KvCommit of the first and the last of 3000 keys", keys[0], keys[2999]), false},
		} {
			t.Bubble(func(t *graded.T) {
				g := newGate(t, ops)
				s := server.New(g)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				resolves := resolveCommitted
				resolves.name = "KvResolveLock of 3000 keys, beside a " + c.commit.name + ","
				c.commit.name += ", beside a KvResolveLock of all,"
				first, second := resolves, c.commit
				if c.first {
					first, second = second, first
				}
				one := begin(t, ctx, first, s)
				synctest.Wait()
				require.NotEmpty(t, g.writes(), "writes of %s", first.name)
				two := begin(t, ctx, second, s)
				require.Equal(t, "error none", g.finish(t, one, first.name), "answer of %s", first.name)
				require.Equal(t, "error none", g.finish(t, two, second.name), "answer of %s", second.name)
				for g.pass() {
				}
				locked := 0
				for _, line := range stored(t, g.engine) {
					if strings.HasPrefix(line, "lock ") {
						locked++
					}
				}
				require.Zero(t, locked, "locks that are left after %s has said that all is done", resolves.name)
			})
		}
	})
}

// A store leads a region, loses it, and leads it again. Meanwhile another one has led, and
// what that one has decided came with the log.
func TestNothingIsRemembered4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what a request is told, and what it does, depends on what is stored, and not on what the store has done or answered before",
		Source: handlers,
	}, func(t *graded.T) {
		a := []byte("a")
		lives := func(ttl uint64) engine.Op {
			lock := transaction.Lock{Primary: a, StartTS: ts(30), TTL: ttl, Kind: kvrpcpb.Op_Put}
			return engine.Op{CF: engine.CFLock, Key: transaction.EncodeKey(a), Value: lock.Encode()}
		}
		unlocked := engine.Op{CF: engine.CFLock, Key: transaction.EncodeKey(a), Delete: true}
		const gone = "region error: region 3 has had another leader since"
		type step struct {
			meanwhile string // what another leader has done since the step before
			change    []engine.Op
			command   txnCommand
			want      string
		}
		for _, steps := range [][]step{{
			{"nothing", nil, checkPrimary, "error none, time to live 0, committed at 0, action TTLExpireRollback"},
			{"nothing", nil, resolveRolledBack, "error none"},
			{"nothing", nil, scanAll, "pairs a=v c=(locked)"},
			{"carried out a late prewrite of d by the same transaction", lockOps("d", "a", 30), scanAll, "pairs a=v c=(locked) d=(locked)"},
			{"nothing", nil, resolveRolledBack, "error none"},
			{"nothing", nil, scanAll, "pairs a=v c=(locked)"},
			{"carried out a late prewrite of e by the same transaction", lockOps("e", "a", 30), resolveRolledBack, "error none"},
			{"nothing", nil, scanAll, "pairs a=v c=(locked)"},
			{"nothing", nil, rollbackBoth, "error none"},
		}, {
			{"nothing", nil, scanAll, "pairs a=(locked) b=(locked) c=(locked)"},
			{"made the primary's lock live for 200 ms", []engine.Op{lives(200)}, beat, "error none, time to live 200"},
			{"made the primary's lock live for 300 ms", []engine.Op{lives(300)}, checkPrimary, "error none, time to live 300, committed at 0, action NoAction"},
			{"nothing", nil, beat, "error none, time to live 300"},
			{"committed the primary", append(versionOps("a", 30, 40), unlocked), checkPrimary, "error none, time to live 0, committed at 40, action NoAction"},
			{"nothing", nil, beat, "error retryable, time to live 0"},
			{"nothing", nil, scanAll, "pairs a=v b=(locked) c=(locked)"},
			{"nothing", nil, resolveCommitted, "error none"},
			{"nothing", nil, scanAll, "pairs a=v b=v c=(locked)"},
			{"nothing", nil, rollbackBoth, "error abort"},
		}} {
			s := &heldStorage{}
			c := overGRPC{to: s.serve(t)}
			writeOps(t, s.engine, twoLocks())
			before := "nothing else"
			for _, step := range steps {
				writeOps(t, s.engine, step.change)
				require.Equal(t, step.want, step.command.send(t.Context(), c, rc), "answer of %s (after %s; another leader has meanwhile: %s)", step.command.name, before, step.meanwhile)
				before = step.command.name
			}
			s.readerErr = region.Stale(3)
			for _, command := range commands4C {
				require.Equal(t, gone, command.send(t.Context(), c, rc), "answer of %s when another store leads", command.name)
			}
		}
	})
}

// checkOther is about key c, which no other command has.
var checkOther = txnCommand{"KvCheckTxnStatus of key c", func(ctx context.Context, s tinykvpb.TinyKvServer, rc *kvrpcpb.Context) string {
	resp, err := s.KvCheckTxnStatus(ctx, &kvrpcpb.CheckTxnStatusRequest{Context: rc, PrimaryKey: []byte("c"), LockTs: ts(33), CurrentTs: ts(100)})
	return inWords(resp.GetRegionError(), err, resp.GetAction().String())
}}

// Another store may lead the region between the read and the write of a command, and have
// latches of its own.
func TestWritesNameTheirTerm4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the write of a command has the Context of its request, with the term of the reader that it has decided by",
		Source: handlers,
	}, func(t *graded.T) {
		sent := &kvrpcpb.Context{RegionId: 5, RegionEpoch: &metapb.RegionEpoch{ConfVer: 2, Version: 3}, Peer: &metapb.Peer{Id: 8, StoreId: 1}}
		want := proto.CloneOf(sent)
		want.Term = 9
		for _, c := range commands4C[1:] {
			t.Bubble(func(t *graded.T) {
				g := newGate(t, twoLocks())
				g.term = 9
				s := server.New(g)
				answer := make(chan string, 1)
				go func() {
					defer close(answer)
					defer t.Catch(nil)
					answer <- c.send(t.Context(), s, proto.CloneOf(sent))
				}()
				synctest.Wait()
				writes := g.writes()
				require.NotEmpty(t, writes, "writes of %s", c.name)
				require.True(t, proto.Equal(want, writes[0].rc), "the write of %s, which has read in term 9, has the Context {%v} instead of {%v}", c.name, writes[0].rc, want)
				g.finish(t, answer, c.name)
			})
		}
	})
}

// Clients that all mean to help with the same transactions, on real goroutines.
func TestRacesHaveOneWinner4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a transaction that several clients finish at once is committed or rolled back, and each client is told the same",
		Source: "the package comment of kv/transaction",
	}, func(t *graded.T) {
		const rounds = 200
		s := start(t, memory.NewDisk())
		for i := range rounds {
			writeOps(t, s.engine, lockOps(fmt.Sprintf("k%03d", i), fmt.Sprintf("k%03d", i), 30))
		}
		for i := range rounds {
			key := fmt.Appendf(nil, "k%03d", i)
			var commit, rollback, status string
			var committed uint64
			ctx := await.Context(t.T, "three commands on one key")
			var all sync.WaitGroup
			all.Go(func() {
				resp, err := s.KvCommit(ctx, &kvrpcpb.CommitRequest{Context: rc, StartVersion: ts(30), CommitVersion: ts(40), Keys: [][]byte{key}})
				commit = inWords(resp.GetRegionError(), err, errorWords(resp.GetError()))
			})
			all.Go(func() {
				resp, err := s.KvBatchRollback(ctx, &kvrpcpb.BatchRollbackRequest{Context: rc, StartVersion: ts(30), Keys: [][]byte{key}})
				rollback = inWords(resp.GetRegionError(), err, errorWords(resp.GetError()))
			})
			all.Go(func() {
				resp, err := s.KvCheckTxnStatus(ctx, &kvrpcpb.CheckTxnStatusRequest{Context: rc, PrimaryKey: key, LockTs: ts(30), CurrentTs: ts(40)})
				status, committed = inWords(resp.GetRegionError(), err, errorWords(resp.GetError())), resp.GetCommitVersion()
			})
			all.Wait()
			record, lock := s.outcomeOf(key)
			require.Nil(t, lock, "the lock of %s after it was committed, rolled back and checked at once", key)
			require.NotNil(t, record, "the record of the transaction at %s after it was committed, rolled back and checked at once", key)
			require.Equal(t, "none", status, "error of KvCheckTxnStatus of %s", key)
			if record.Kind == kvrpcpb.Op_Rollback {
				require.Equal(t, []string{"abort", "none"}, []string{commit, rollback}, "errors of KvCommit and KvBatchRollback of %s, which is rolled back", key)
				require.Zero(t, committed, "the commit timestamp that KvCheckTxnStatus tells of %s, which is rolled back", key)
			} else {
				require.Equal(t, []string{"none", "abort"}, []string{commit, rollback}, "errors of KvCommit and KvBatchRollback of %s, which is committed", key)
				require.Equal(t, ts(40), committed, "the commit timestamp that KvCheckTxnStatus tells of %s, which is committed", key)
			}
		}
	})
}

// outcomeOf returns what is stored of the transaction of 30 at key.
func (s *store) outcomeOf(key []byte) (record *transaction.Record, lock []byte) {
	s.t.Helper()
	lock, _, err := s.engine.Get(engine.CFLock, transaction.EncodeKey(key))
	require.NoError(s.t, err, "reading the lock of %s", key)
	for _, at := range []uint64{ts(30), ts(40)} {
		b, found, err := s.engine.Get(engine.CFWrite, transaction.VersionKey(key, at))
		require.NoError(s.t, err, "reading a record of %s", key)
		if found {
			require.Nil(s.t, record, "a second record of the same transaction at %s", key)
			record, err = transaction.DecodeRecord(b, at)
			require.NoError(s.t, err, "the record of %s", key)
		}
	}
	return record, lock
}

package server_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/standalone"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A reelected storage has led its region in draftTerm, and leads it again in presentTerm.
// Between the two another store has led. Its drafts are still of the first of these terms.
// (A leader that knows its term would not do that. This one stands for all that can happen
// to a region between a draft and the moment when the command is answered.)
type reelected struct {
	storage.Storage                 // as it is now
	before          storage.Storage // as it was

	readerErr error // what Reader returns, if not nil
}

const draftTerm, presentTerm = 7, 9

// newReelected returns a storage where the engine had some keys, and has others now.
func newReelected(t *graded.T, before, now []engine.Op) *reelected {
	s := &reelected{}
	with := func(ops []engine.Op) storage.Storage {
		disk := memory.NewDisk()
		s := standalone.New(standalone.Config{Open: func() (engine.Engine, error) { return disk.Open(engine.Families...) }})
		require.NoError(t, s.Start(), "starting a storage")
		t.Cleanup(func() { s.Stop() })
		if len(ops) > 0 {
			require.NoError(t, s.Write(t.Context(), rc, ops), "filling a storage")
		}
		return s
	}
	s.before, s.Storage = with(before), with(now)
	return s
}

// inTerm is a reader of a term.
type inTerm struct {
	storage.Reader
	term uint64
}

func (r inTerm) Term() uint64 { return r.term }

func (s *reelected) Draft(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	r, err := s.before.Reader(ctx, rc)
	return inTerm{r, draftTerm}, err
}

func (s *reelected) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	if s.readerErr != nil {
		return nil, s.readerErr
	}
	r, err := s.Storage.Reader(ctx, rc)
	return inTerm{r, presentTerm}, err
}

func (s *reelected) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	if term := rc.GetTerm(); term != 0 && term < presentTerm {
		return region.Stale(rc.GetRegionId())
	}
	return s.Storage.Write(ctx, rc, ops)
}

// A handler may decide on a draft, and need not. If it does, it must not answer from one:
// what is written can be refused, and what is not written is decided on the present state.
func TestDraftsAreNoAnswers4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a command whose answer is not proved by a write does not answer from a draft",
		Source: "the comment on Draft (kv/storage/storage.go)",
	}, func(t *graded.T) {
		rolledBack := func(key string, ms int) []engine.Op {
			record := transaction.Record{StartTS: at(ms), Kind: kvrpcpb.Op_Rollback}
			return []engine.Op{{CF: engine.CFWrite, Key: transaction.VersionKey([]byte(key), at(ms)), Value: record.Encode()}}
		}
		prewrite := func(ms int) func(txnClient) string {
			return func(c txnClient) string { return c.prewrite(t.Context(), prewriteOf(ms, "k")) }
		}
		commit := func(start, commit int) func(txnClient) string {
			return func(c txnClient) string { return c.commit(t.Context(), commitOf(start, commit, "k")) }
		}
		for _, c := range []struct {
			what        string
			before, now []engine.Op
			send        func(txnClient) string
			want        string
		}{
			{
				"a prewrite that is sent again, of a transaction that has its lock in the draft and was rolled back since",
				lockOps("k", "k", 10), rolledBack("k", 10), prewrite(10), "abort",
			},
			{
				"a commit of a key whose prewrite is not in the draft",
				nil, lockOps("k", "k", 10), commit(10, 20), "done",
			},
			{
				"a commit of a transaction that was rolled back since the draft",
				nil, rolledBack("k", 10), commit(10, 20), "abort",
			},
			{
				"a prewrite of a key that is locked in the draft and free now",
				lockOps("k", "k", 10), rolledBack("k", 10), prewrite(30), "done",
			},
			{
				"a prewrite of a key that is locked in the draft and was committed since",
				lockOps("k", "k", 10), versionOps("k", 10, 40), prewrite(30), "conflict at 40",
			},
		} {
			s := newReelected(t, c.before, c.now)
			got := c.send(txnClient{connect(t, s)})
			require.Equal(t, c.want, got, "the answer to %s", c.what)

			s = newReelected(t, c.before, c.now)
			s.readerErr = region.NotLeader(3, nil)
			got = c.send(txnClient{connect(t, s)})
			require.Contains(t, got, "region error", "the answer to %s, by a store that no longer leads", c.what)
		}

		s := newReelected(t, nil, rolledBack("k", 10))
		got := prewrite(10)(txnClient{connect(t, s)})
		require.NotEqual(t, "done", got, "the answer to a prewrite that was rolled back in a later term than the draft's")
		view, err := s.Storage.Reader(t.Context(), rc)
		require.NoError(t, err, "reading what is stored")
		defer view.Close()
		require.Equal(t, []string{"record k @ 10: Rollback by 10"}, stored(t, view), "what is stored after that prewrite")
	})
}

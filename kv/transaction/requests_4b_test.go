package transaction_test

import (
	"errors"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// Requests that make no sense, each wrong in one way. The state would let each of them
// succeed if it were not for that.
func TestMalformedRequests4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a request that makes no sense ends with a *RequestError, whatever is stored, and has no writes",
		Source: contract,
	}, func(t *graded.T) {
		tooLong := []byte(strings.Repeat("k", transaction.MaxKeySize+1))
		d := empty(t).
			put("k", 10, 20, "x").
			locked("mine", "p", kvrpcpb.Op_Put, 50, 7, "v").
			locked("", "p", kvrpcpb.Op_Put, 50, 7, "v").
			locked(string(tooLong), "p", kvrpcpb.Op_Put, 50, 7, "v")
		before := d.content()
		refused := func(what string, ops []engine.Op, err error) {
			t.Helper()
			var bad *transaction.RequestError
			require.True(t, errors.As(err, &bad), "%s is not a *RequestError: the error is %v", what, err)
			require.Empty(t, ops, "the writes of %s", what)
			require.Equal(t, before, d.content(), "what is stored after %s", what)
		}

		gets := map[string]*kvrpcpb.GetRequest{
			"without a key":       {Version: at(50)},
			"of a key too long":   {Key: tooLong, Version: at(50)},
			"without a timestamp": {Key: []byte("k")},
		}
		for _, what := range slices.Sorted(maps.Keys(gets)) {
			_, err := transaction.Get(d.reader(), gets[what])
			refused("Get "+what, nil, err)
		}

		prewrites := map[string]func(*kvrpcpb.PrewriteRequest){
			"without mutations":         func(r *kvrpcpb.PrewriteRequest) { r.Mutations = nil },
			"with start timestamp 0":    func(r *kvrpcpb.PrewriteRequest) { r.StartVersion = 0 },
			"with the greatest start":   func(r *kvrpcpb.PrewriteRequest) { r.StartVersion = math.MaxUint64 },
			"from the far future":       func(r *kvrpcpb.PrewriteRequest) { r.StartVersion = math.MaxUint64 - 2 },
			"without a primary key":     func(r *kvrpcpb.PrewriteRequest) { r.PrimaryLock = nil },
			"with a primary too long":   func(r *kvrpcpb.PrewriteRequest) { r.PrimaryLock = tooLong },
			"of an empty key":           func(r *kvrpcpb.PrewriteRequest) { r.Mutations[1].Key = nil },
			"of a key too long":         func(r *kvrpcpb.PrewriteRequest) { r.Mutations[1].Key = tooLong },
			"of a rollback":             func(r *kvrpcpb.PrewriteRequest) { r.Mutations[1].Op = kvrpcpb.Op_Rollback },
			"of an unknown kind":        func(r *kvrpcpb.PrewriteRequest) { r.Mutations[1].Op = 17 },
			"of one key twice":          func(r *kvrpcpb.PrewriteRequest) { r.Mutations[1].Key = r.Mutations[0].Key },
			"of one key for two things": func(r *kvrpcpb.PrewriteRequest) { r.Mutations = append(r.Mutations, del("b"), put("b", "x")) },
			"of a value too large":      func(r *kvrpcpb.PrewriteRequest) { r.Mutations[1].Value = make([]byte, engine.MaxValueSize+1) },
		}
		for _, what := range slices.Sorted(maps.Keys(prewrites)) {
			req := prewrite(50, put("a", "x"), put("c", "y"))
			prewrites[what](req)
			_, ops, err := transaction.Prewrite(d.reader(), req)
			refused("Prewrite "+what, ops, err)
		}

		commits := map[string]func(*kvrpcpb.CommitRequest){
			"without keys":                func(r *kvrpcpb.CommitRequest) { r.Keys = nil },
			"of an empty key":             func(r *kvrpcpb.CommitRequest) { r.Keys = append(r.Keys, nil) },
			"of a key too long":           func(r *kvrpcpb.CommitRequest) { r.Keys = append(r.Keys, tooLong) },
			"with start timestamp 0":      func(r *kvrpcpb.CommitRequest) { r.StartVersion = 0 },
			"with the greatest timestamp": func(r *kvrpcpb.CommitRequest) { r.CommitVersion = math.MaxUint64 },
			"in the far future":           func(r *kvrpcpb.CommitRequest) { r.CommitVersion = math.MaxUint64 - 1 },
			"at timestamp 0":              func(r *kvrpcpb.CommitRequest) { r.CommitVersion = 0 },
			"at its start":                func(r *kvrpcpb.CommitRequest) { r.CommitVersion = r.StartVersion },
			"before its start":            func(r *kvrpcpb.CommitRequest) { r.CommitVersion = r.StartVersion - 1 },
		}
		for _, what := range slices.Sorted(maps.Keys(commits)) {
			req := commit(50, 60, "mine")
			commits[what](req)
			_, ops, err := transaction.Commit(d.reader(), req)
			refused("Commit "+what, ops, err)
		}
	})
}

// The largest and the smallest that makes sense is served.
func TestExtremeRequests4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "every request that makes sense is served: the longest key, the first timestamps, the longest life",
		Source: "the comments in kv/transaction/request.go",
	}, func(t *graded.T) {
		long := strings.Repeat("k", transaction.MaxKeySize)
		d := empty(t)
		for _, c := range []struct {
			start, commit uint64
		}{{1, 2}, {transaction.Timestamp(1_700_000_000_000, 1<<transaction.LogicalBits-2), transaction.Timestamp(1_700_000_000_000, 1<<transaction.LogicalBits-1)}} {
			req := &kvrpcpb.PrewriteRequest{
				Mutations:   []*kvrpcpb.Mutation{put(long, "x"), put("\x00", "y"), put("\xff", "")},
				PrimaryLock: []byte(long), StartVersion: c.start, LockTtl: math.MaxUint64,
			}
			asked := proto.CloneOf(req)
			resp, ops, err := transaction.Prewrite(d.reader(), req)
			require.NoError(t, err, "Prewrite at %d", c.start)
			require.Equal(t, []string{}, allTold(resp.Errors), "errors of Prewrite at %d", c.start)
			require.True(t, proto.Equal(asked, req), "Prewrite has changed its request")
			d.apply(ops)
			committed, ops, err := transaction.Commit(d.reader(), &kvrpcpb.CommitRequest{
				Keys: [][]byte{[]byte(long), []byte("\x00"), []byte("\xff")}, StartVersion: c.start, CommitVersion: c.commit,
			})
			require.NoError(t, err, "Commit at %d", c.commit)
			require.Nil(t, committed.Error, "error of Commit at %d", c.commit)
			d.apply(ops)
			for _, pair := range [][2]string{{long, "x"}, {"\x00", "y"}, {"\xff", ""}} {
				key, want := pair[0], pair[1]
				got, err := transaction.Get(d.reader(), &kvrpcpb.GetRequest{Key: []byte(key), Version: c.commit})
				require.NoError(t, err, "Get of %s at %d", name(key), c.commit)
				require.False(t, got.NotFound, "Get does not find %s at %d", name(key), c.commit)
				require.Equal(t, want, string(got.Value), "Get of %s at %d", name(key), c.commit)
				got, err = transaction.Get(d.reader(), &kvrpcpb.GetRequest{Key: []byte(key), Version: math.MaxUint64})
				require.NoError(t, err, "Get of %s at the greatest timestamp", name(key))
				require.Equal(t, want, string(got.Value), "Get of %s at the greatest timestamp", name(key))
			}
		}
	})
}

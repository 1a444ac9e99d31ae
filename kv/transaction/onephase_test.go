package transaction_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A request to commit at once comes late: its client has sent it again, the store went the
// long way, and the client may be about to roll back.
func TestCommitAtOnceDoesNotDecideForLocks(t *testing.T) {
	e, err := memory.NewDisk().Open(engine.Families...)
	require.NoError(t, err)
	defer e.Close()
	req := &kvrpcpb.PrewriteRequest{
		Mutations:   []*kvrpcpb.Mutation{{Key: []byte("a"), Value: []byte("1")}, {Key: []byte("b"), Value: []byte("2")}},
		PrimaryLock: []byte("a"), StartVersion: at(10), LockTtl: 3000, OnePhase: true,
	}
	r := transaction.NewReader(e)
	_, ops, err := transaction.Prewrite(r, req)
	require.NoError(t, err)
	var b engine.Batch
	b.Append(ops...)
	require.NoError(t, e.Write(&b, false))

	resp, ops, err := transaction.CommitAtOnce(r, req, at(20))
	require.NoError(t, err)
	require.Empty(t, resp.Errors)
	require.Zero(t, resp.CommitVersion)
	require.Empty(t, ops)
}

package transaction_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A rollback removes the lock and the value, and leaves a record.
func TestRollbackLeavesRecord4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a rollback removes lock and value of the transaction, and leaves a record that keeps it from coming back",
		Source: "the comment on BatchRollback",
	}, func(t *graded.T) {
		d := empty(t).locked("a", "a", kvrpcpb.Op_Put, 10, 5, "x")
		resp, ops, err := transaction.BatchRollback(d.reader(), &kvrpcpb.BatchRollbackRequest{StartVersion: at(10), Keys: [][]byte{[]byte("a"), []byte("b")}})
		require.NoError(t, err, "BatchRollback")
		require.Nil(t, resp.Error, "error of BatchRollback")
		d.apply(ops)
		require.Equal(t, []string{"record a @ 10: Rollback by 10", "record b @ 10: Rollback by 10"}, d.content(), "what is stored after the rollback")
	})
}

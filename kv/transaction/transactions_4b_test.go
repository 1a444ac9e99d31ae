package transaction_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// Two transactions, step by step, with readers at every moment.
func TestSnapshotIsolation4B(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a reader sees the transactions that have committed at or below its timestamp, whole, and of two that overlap one fails",
		Source: paper,
	}, func(t *graded.T) {
		d := empty(t)
		run := func(what string, want string, f func(r *transaction.Reader) string) {
			t.Helper()
			require.Equal(t, want, f(d.reader()), "%s", what)
		}
		prewrites := func(req *kvrpcpb.PrewriteRequest) func(*transaction.Reader) string {
			return func(r *transaction.Reader) string {
				resp, ops, err := transaction.Prewrite(r, req)
				require.NoError(t, err, "Prewrite")
				d.apply(ops)
				if len(resp.Errors) > 0 {
					return told(resp.Errors[0])
				}
				return "done"
			}
		}
		commits := func(req *kvrpcpb.CommitRequest) func(*transaction.Reader) string {
			return func(r *transaction.Reader) string {
				resp, ops, err := transaction.Commit(r, req)
				require.NoError(t, err, "Commit")
				d.apply(ops)
				if resp.Error != nil {
					return told(resp.Error)
				}
				return "done"
			}
		}
		reads := func(ts int) func(*transaction.Reader) string {
			return func(r *transaction.Reader) string {
				seen := ""
				for _, key := range []string{"a", "b"} {
					resp, err := transaction.Get(r, &kvrpcpb.GetRequest{Key: []byte(key), Version: at(ts)})
					require.NoError(t, err, "Get")
					switch {
					case resp.Error != nil:
						seen += key + " " + told(resp.Error) + ". "
					case resp.NotFound:
						seen += key + " absent. "
					default:
						seen += key + "=" + string(resp.Value) + ". "
					}
				}
				return seen
			}
		}
		run("the prewrite of the first transaction", "done", prewrites(prewrite(10, put("a", "1"), put("b", "1"))))
		run("a read at 9, below the first transaction", "a absent. b absent. ", reads(9))
		run("a read at 15, while the first transaction is under way", "a locked by 10. b locked by 10. ", reads(15))
		run("the prewrite of a second transaction, meanwhile", "locked by 10", prewrites(prewrite(15, put("b", "2"))))
		run("the commit of the first transaction's primary key", "done", commits(commit(10, 20, "a")))
		run("a read at 25, with the second key still locked", "a=1. b locked by 10. ", reads(25))
		run("the commit of the first transaction's other key", "done", commits(commit(10, 20, "b")))
		run("a read at 19, below the commit", "a absent. b absent. ", reads(19))
		run("a read at 20, at the commit", "a=1. b=1. ", reads(20))
		run("the prewrite of the second transaction, which started before that commit", "conflict at 20", prewrites(prewrite(15, put("b", "2"))))
		run("the commit of the second transaction, which was never prewritten", "retryable", commits(commit(15, 30, "b")))
		run("the prewrite of a third transaction", "done", prewrites(prewrite(30, put("b", "3"), del("a"))))
		run("a read at 29, past the newer locks", "a=1. b=1. ", reads(29))
		run("the commit of the third transaction", "done", commits(commit(30, 40, "b", "a")))
		run("a read at 39", "a=1. b=1. ", reads(39))
		run("a read at 40", "a absent. b=3. ", reads(40))
	})
}

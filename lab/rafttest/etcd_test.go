package rafttest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/play"
	"github.com/labkv/labkv/lab/rafttest"
)

// etcdCannot lists the tests that etcd's Raft legitimately does not pass, with
// the reason. It passes all with their usual seeds, with each of its options.
//
// Of thousands of other seeds, a few fail to recover: without its CheckQuorum
// option it leaves requests of an earlier term unanswered (§5.1 has them rejected
// with the current term), so that a candidate can lag the term of a member
// that does not know the candidate, for as long as both campaign.
var etcdCannot = map[string]string{}

// TestEtcd runs the whole suite on a Raft that was written elsewhere, to see that
// the suite demands Raft and not one program's Raft.
func TestEtcd(t *testing.T) { passesSuite(t, etcdRaft{}) }

// The options of that Raft change what a voter and a leader do, for the better.
func TestEtcdWithCheckQuorum(t *testing.T) { passesSuite(t, etcdRaft{checkQuorum: true}) }

func TestEtcdWithPreVote(t *testing.T) { passesSuite(t, etcdRaft{preVote: true}) }

func TestEtcdWithBoth(t *testing.T) { passesSuite(t, etcdRaft{checkQuorum: true, preVote: true}) }

func passesSuite(t *testing.T, impl etcdRaft) {
	t.Helper()
	graded.Test(t, graded.Claim{
		Text:   "an independent Raft passes the suite: " + impl.Name(),
		Source: "go.etcd.io/raft/v3",
	}, func(t *graded.T) {
		for _, test := range rafttest.Tests() {
			t.Run(test.Name, func(t *graded.T) {
				if reason := etcdCannot[test.Name]; reason != "" {
					t.Skip(reason)
				}
				if test.Run != nil {
					impl := impl
					impl.unasked = true
					test.Run(t, impl)
					return
				}
				seeds := test.Seeds
				if impl != (etcdRaft{}) {
					seeds = seeds/4 + 1 // what they change shows early
				}
				for seed := uint64(1); seed <= uint64(seeds); seed++ {
					t.Run(fmt.Sprintf("seed=%d", seed), func(t *graded.T) {
						test.RunSeed(t, impl, seed)
					})
				}
			})
		}
	})
}

// TestEtcdReplays sees that a schedule runs on etcd's Raft the same way each
// time, so that a failure of it can be looked into.
func TestEtcdReplays(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a schedule runs on an independent Raft the same way each time",
		Source: "go.etcd.io/raft/v3",
	}, func(t *graded.T) {
		for _, test := range rafttest.Tests() {
			if test.RunSeed == nil {
				continue
			}
			for seed := uint64(1); seed <= 3; seed++ {
				first := test.RunSeed(t, etcdRaft{}, seed)
				again := test.RunSeed(t, etcdRaft{}, seed)
				require.Equal(t, first, again, "%s, seed %d", test.Name, seed)
				require.NotZero(t, first)
			}
		}
	})
}

// The stories of the playground are so on any right Raft: they count on no message that
// the paper does not ask for.
func TestStoriesOnEtcd(t *testing.T) {
	for _, s := range play.Stories() {
		require.NoError(t, play.Run(etcdRaft{}, s.Name, s.Text))
	}
}

package rafttest_test

import (
	"fmt"
	"testing"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/rafttest"
)

// etcdCannot lists the tests that etcd's Raft legitimately does not pass, with
// the reason.
var etcdCannot = map[string]string{}

// TestEtcd runs the whole suite on a Raft that nobody here wrote, to see that
// the suite demands Raft and not one program's Raft.
func TestEtcd(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an independent Raft passes the suite",
		Source: "go.etcd.io/raft/v3",
	}, func(t *graded.T) {
		for _, test := range rafttest.Tests() {
			t.Run(test.Name, func(t *graded.T) {
				if reason := etcdCannot[test.Name]; reason != "" {
					t.Skip(reason)
				}
				if test.Run != nil {
					test.Run(t, etcdRaft{})
					return
				}
				for seed := uint64(1); seed <= uint64(test.Seeds); seed++ {
					t.Run(fmt.Sprintf("seed=%d", seed), func(t *graded.T) {
						test.RunSeed(t, etcdRaft{}, seed)
					})
				}
			})
		}
	})
}

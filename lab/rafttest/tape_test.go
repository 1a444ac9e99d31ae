package rafttest_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/rafttest"
)

// From a tape of what nodes answer, each test comes to the same digest as with the nodes.
func TestTape(t *testing.T) {
	claim := graded.Claim{Text: "a test runs again from a tape", Source: "the suite"}
	graded.Test(t, claim, func(t *graded.T) {
		total := 0
		for _, test := range rafttest.Tests() {
			t.Run(test.Name, func(t *graded.T) {
				run := func(impl rafttest.Implementation) uint64 {
					if test.Run != nil {
						test.Run(t, impl)
						return 0
					}
					return test.RunSeed(t, impl, 2)
				}
				var tape bytes.Buffer
				impl := etcdRaft{unasked: test.Run != nil}
				digest := run(rafttest.Record(impl, &tape))
				total += tape.Len()
				require.Equal(t, digest, run(rafttest.Play(&tape)), "the digest")
				require.Zero(t, tape.Len(), "all of the tape was played")
			})
		}
		t.Logf("%d MiB in all", total>>20)
	})
}

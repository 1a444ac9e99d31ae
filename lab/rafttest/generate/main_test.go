package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/rafttest"
)

func TestConformanceIsCurrent(t *testing.T) {
	want, err := conformance(rafttest.Tests())
	require.NoError(t, err)
	have, err := os.ReadFile("../../../raft/conformance_test.go")
	require.NoError(t, err)
	require.True(t, bytes.Equal(want, have), "raft/conformance_test.go is not current: run go generate ./lab/rafttest/generate")
}

func TestConformance(t *testing.T) {
	claim := graded.Claim{Text: "a long night ends in the morning, when the sun rises over the hills again", Source: "Raft §5"}
	for _, c := range []struct {
		name   string
		tests  []rafttest.Test
		want   string
		failed string
	}{
		{
			name:  "grouped by stage",
			tests: []rafttest.Test{{Name: "Later3A", Claim: claim}, {Name: "Night2AA", Claim: claim}},
			want: "\n// Stage 2AA.\n\n// TestNight2AA checks that a long night ends in the morning, when the sun rises\n" +
				"// over the hills again (Raft §5).\nfunc TestNight2AA(t *testing.T) { conform(t) }\n\n// Stage 2AB.\n",
		},
		{
			name:   "twice the same name",
			tests:  []rafttest.Test{{Name: "Night2AA", Claim: claim}, {Name: "Night2AA", Claim: claim}},
			failed: "two tests are named Night2AA",
		},
		{
			name:   "no stage",
			tests:  []rafttest.Test{{Name: "Night", Claim: claim}},
			failed: "the name of test Night does not end in a stage",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			text, err := conformance(c.tests)
			if c.failed != "" {
				require.EqualError(t, err, c.failed)
				return
			}
			require.NoError(t, err)
			require.Contains(t, string(text), c.want)
		})
	}
}

func TestBadArguments(t *testing.T) {
	require.ErrorContains(t, run(nil), "say which file to write")
}

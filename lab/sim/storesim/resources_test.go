package storesim

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/meter"
	"github.com/labkv/labkv/lab/sim"
)

// A store may have something open for a request that waits, and for slow work, and
// for nothing else.
func TestOpen(t *testing.T) {
	log, err := memory.Open(memory.NewDisk(), "raft")
	require.NoError(t, err)
	data, err := memory.Open(memory.NewDisk(), engine.Families...)
	require.NoError(t, err)
	s := &store{id: 2, env: &sim.Env{ID: 2}, raft: meter.New(log), kv: meter.New(data)}
	require.NoError(t, watchOpen(s))

	it, err := s.raft.Iterate("raft", engine.Range{})
	require.NoError(t, err)
	var v *check.Violation
	require.ErrorAs(t, watchOpen(s), &v)
	require.Equal(t, RuleOpen, v.Rule)
	require.Contains(t, v.Found, "no request waits on store 2, and it has no slow work, but 1 iterators and snapshots of its raft engine are open, the first of them an iterator over family raft, opened by storesim.TestOpen (resources_test.go:")

	answered := s.answers.Expect("a read")
	require.NoError(t, watchOpen(s), "the read may need it")
	answered()
	s.tasks++
	require.NoError(t, watchOpen(s), "slow work may need it")
	s.tasks--
	require.Error(t, watchOpen(s))
	require.NoError(t, it.Close())
	require.NoError(t, watchOpen(s))
}

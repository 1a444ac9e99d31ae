package scheduler

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// Replicas may decide about a command later than it was asked for: so the state
// itself refuses what no longer fits, and changes only when a decision is loaded.
func TestStateDecides(t *testing.T) {
	change := func(to metapb.StoreState) *schedulerpb.Command {
		return &schedulerpb.Command{ChangeStore: &schedulerpb.StoreChange{StoreId: 1, State: to}}
	}
	first := &schedulerpb.Command{
		Bootstrap:  &metapb.Store{Id: 1, Address: "a"},
		PutCluster: &metapb.Cluster{Id: 7, MaxPeerCount: 3},
	}
	s := newState()
	for i, c := range []struct {
		command *schedulerpb.Command
		refusal string
	}{
		{change(metapb.StoreState_Offline), "store 1 is not known"},
		{first, ""},
		{first, "bootstrapped already"},
		{change(metapb.StoreState_Tombstone), "store 1 is not offline"},
		{change(metapb.StoreState_Offline), ""},
		{&schedulerpb.Command{PutStore: &metapb.Store{Id: 1, Address: "b"}}, ""},
		{change(metapb.StoreState_Up), ""},
		{change(metapb.StoreState_Tombstone), "store 1 is not offline"},
		{change(metapb.StoreState_Offline), ""},
		{change(metapb.StoreState_Tombstone), ""},
		{change(metapb.StoreState_Up), "removed for good"},
		{&schedulerpb.Command{ReserveIds: 10}, ""},
		{&schedulerpb.Command{ReserveIds: 5}, ""},
		{&schedulerpb.Command{ReserveIds: math.MaxUint64 - 10}, "no ids left"},
		{&schedulerpb.Command{ReserveTimestamps: 10}, ""},
		{&schedulerpb.Command{ReserveTimestamps: 5}, ""},
		{&schedulerpb.Command{AdvanceSafePoint: 10}, ""},
		{&schedulerpb.Command{AdvanceSafePoint: 5}, ""},
		{&schedulerpb.Command{AdvanceCleanPoint: 11}, "above the safe point 10"},
		{&schedulerpb.Command{AdvanceCleanPoint: 8}, ""},
		{&schedulerpb.Command{ReserveIds: 5}, ""},
	} {
		var once, again engine.Batch
		err := s.decide(c.command, &once)
		if c.refusal != "" {
			require.ErrorContains(t, err, c.refusal, "command %d", i)
			require.Zero(t, once.Len())
			continue
		}
		require.NoError(t, err, "command %d", i)
		require.NoError(t, s.decide(c.command, &again), "a decision changes nothing")
		require.Equal(t, once, again)
		for _, op := range once.Ops() {
			require.NoError(t, s.load(op.Key, op.Value))
		}
	}
	require.Equal(t, "b", s.stores[1].Address)
	require.Equal(t, metapb.StoreState_Tombstone, s.stores[1].State)
	require.EqualValues(t, 20, s.counters.Ids)
	require.EqualValues(t, 10, s.counters.Timestamps)
	require.EqualValues(t, 10, s.counters.SafePoint)
	require.EqualValues(t, 8, s.counters.CleanPoint)
}

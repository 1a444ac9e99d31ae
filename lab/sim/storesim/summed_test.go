package storesim

import (
	"encoding/binary"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// newTestSummed returns a summed engine on a disk that may hold data already.
func newTestSummed(t *testing.T, disk *memory.Disk, told func(*engine.Batch, []*raftserverpb.RegionState)) *summed {
	t.Helper()
	e, err := disk.Open(raftstore.KVFamilies...)
	require.NoError(t, err)
	if told == nil {
		told = func(*engine.Batch, []*raftserverpb.RegionState) {}
	}
	s, err := newSummed(e, func(uint64) {}, told, func() {})
	require.NoError(t, err)
	return s
}

func testRegion(id uint64, start, end string, version, confVer uint64, peers ...*metapb.Peer) *metapb.Region {
	return &metapb.Region{
		Id: id, StartKey: []byte(start), EndKey: []byte(end), Peers: peers,
		RegionEpoch: &metapb.RegionEpoch{Version: version, ConfVer: confVer},
	}
}

// record adds the record of a region to b, as a store writes it.
func record(t *testing.T, b *engine.Batch, state *raftserverpb.RegionState) {
	t.Helper()
	value, err := proto.Marshal(state)
	require.NoError(t, err)
	const kindState = 2
	op := engine.Op{CF: raftstore.KVFamilies[0], Key: binary.BigEndian.AppendUint64([]byte{kindState}, state.Region.Id), Value: value}
	_, ok := raftstore.ParseRegionState(op)
	require.True(t, ok, "a store's records have other keys now")
	b.Append(op)
}

// write writes the value v to keys, and records of regions, in one batch.
func write(t *testing.T, s *summed, keys []string, regions ...*metapb.Region) {
	t.Helper()
	var b engine.Batch
	for _, key := range keys {
		b.Put(engine.CFDefault, []byte(key), []byte("v"))
	}
	for _, r := range regions {
		record(t, &b, &raftserverpb.RegionState{Region: r})
	}
	require.NoError(t, s.Write(&b, false))
}

// The sum of a region is that of the keys that it has, and the same as on a store that
// came to them in another way.
func TestSumsFollowSplits(t *testing.T) {
	whole := testRegion(1, "", "", 1, 1)
	left, right := testRegion(1, "", "m", 2, 1), testRegion(2, "m", "", 2, 1)
	disk := memory.NewDisk()
	s := newTestSummed(t, disk, nil)
	write(t, s, []string{"a", "l", "m", "z"}, whole)
	all := s.total(1)
	require.NotZero(t, all)

	// The batch with the split has a write from before it, and one from after it.
	var b engine.Batch
	b.Put(engine.CFDefault, []byte("n"), []byte("v"))
	record(t, &b, &raftserverpb.RegionState{Region: left})
	record(t, &b, &raftserverpb.RegionState{Region: right})
	b.Put(engine.CFDefault, []byte("b"), []byte("v"))
	record(t, &b, &raftserverpb.RegionState{Region: left, AppliedIndex: 1})
	require.NoError(t, s.Write(&b, false))

	other := newTestSummed(t, memory.NewDisk(), nil)
	write(t, other, nil, right, left)
	write(t, other, []string{"b", "a", "l"})
	write(t, other, []string{"z", "n", "m"})
	for id := uint64(1); id <= 2; id++ {
		require.NotZero(t, s.total(id))
		require.Equal(t, other.total(id), s.total(id), "region %d", id)
		require.Equal(t, other.content(id), s.content(id))
	}
	require.NotEqual(t, s.total(1), s.total(2))
	require.Len(t, s.content(2), 3)

	// A change on either side changes its own sum only.
	before := [3]uint64{0, s.total(1), s.total(2)}
	b = engine.Batch{}
	b.Delete(engine.CFDefault, []byte("m"))
	require.NoError(t, s.Write(&b, false))
	require.Equal(t, before[1], s.total(1))
	require.NotEqual(t, before[2], s.total(2))
	write(t, s, []string{"m"})
	require.Equal(t, before[2], s.total(2), "it has again what it had")

	// Another look at everything comes to the same, also after a restart.
	require.NoError(t, s.DeleteRange(engine.CFDefault, engine.Range{Start: []byte("x"), End: []byte("y")}))
	require.Equal(t, before, [3]uint64{0, s.total(1), s.total(2)})
	disk.Crash(memory.All)
	s = newTestSummed(t, disk, nil)
	require.Equal(t, before, [3]uint64{0, s.total(1), s.total(2)})
}

// Keys outside of all regions are found, also those that a peer has left behind.
func TestStrayKeys(t *testing.T) {
	s := newTestSummed(t, memory.NewDisk(), nil)
	stray := func() string { at, _ := s.stray(); return at.key }
	write(t, s, []string{"b", "n"}, testRegion(1, "", "m", 2, 1), testRegion(2, "m", "", 2, 1))
	require.Empty(t, stray())
	var b engine.Batch
	record(t, &b, &raftserverpb.RegionState{Region: testRegion(2, "m", "", 2, 2), Tombstone: true})
	require.NoError(t, s.Write(&b, false))
	require.Equal(t, "n", stray())
	require.Zero(t, s.total(2))
	require.NoError(t, s.DeleteRange(engine.CFDefault, engine.Range{Start: []byte("m")}))
	require.Empty(t, stray())
	write(t, s, []string{"q"})
	require.Equal(t, "q", stray())
	write(t, s, nil, testRegion(1, "", "c", 3, 1), testRegion(3, "d", "", 3, 1))
	require.Empty(t, stray())
	write(t, s, []string{"c"})
	require.Equal(t, "c", stray(), "it is in the gap between two regions")
}

// What is told of records is told at once for a batch, so that a split is one change.
func TestRecordsOfOneBatch(t *testing.T) {
	ranges := check.NewRanges()
	var err error
	s := newTestSummed(t, memory.NewDisk(), func(_ *engine.Batch, states []*raftserverpb.RegionState) {
		var changed []check.Holding
		for _, state := range states {
			changed = append(changed, holding(state))
		}
		err = ranges.Observe(1, changed...)
	})
	write(t, s, nil, testRegion(1, "", "", 1, 1))
	require.NoError(t, err)
	write(t, s, nil, testRegion(2, "m", "", 2, 1), testRegion(1, "", "m", 2, 1))
	require.NoError(t, err)
	write(t, s, nil, testRegion(3, "l", "m", 3, 1))
	require.Error(t, err)
	require.Equal(t, check.RuleNoOverlap, err.(*check.Violation).Rule)
}

package raftstore_test

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// manyRegions is a store with several regions. Each has its only peer there.
type manyRegions struct {
	*raftstore.Store
	t       *testing.T
	regions []*metapb.Region
	log     *memory.Disk // of the raft engine
	config  raftstore.Config
}

// newManyRegions returns a store whose regions are divided by bounds: one
// region more than there are bounds. All of their peers lead.
func newManyRegions(t *testing.T, bounds ...string) *manyRegions {
	m := &manyRegions{t: t, log: memory.NewDisk()}
	for i := range len(bounds) + 1 {
		id := uint64(i) + 1
		r := &metapb.Region{Id: id, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}, Peers: []*metapb.Peer{{Id: 100 + id, StoreId: 1}}}
		if i > 0 {
			r.StartKey = []byte(bounds[i-1])
		}
		if i < len(bounds) {
			r.EndKey = []byte(bounds[i])
		}
		m.regions = append(m.regions, r)
	}
	log, err := m.log.Open(raftstore.RaftFamilies...)
	require.NoError(t, err)
	kv, err := memory.NewDisk().Open(raftstore.KVFamilies...)
	require.NoError(t, err)
	m.config = raftstore.Config{
		ClusterID: 1, StoreID: 1, RaftEngine: log, KVEngine: kv,
		Files:     &life{of: &server{files: newFileSystem()}},
		Transport: nowhere{}, Executor: atOnce{},
		RandIntN:      func(_ uint64, n int) int { return 0 },
		ElectionTicks: 10, HeartbeatTicks: 2, MaxLogEntries: unlimited,
		Logger: slog.New(slog.DiscardHandler),
	}
	require.NoError(t, raftstore.Bootstrap(&m.config, m.regions...))
	m.Store, err = raftstore.Open(m.config)
	require.NoError(t, err)
	for range 20 {
		m.Tick()
		m.work()
	}
	return m
}

func (m *manyRegions) work() {
	for m.Pass() {
	}
	require.NoError(m.t, m.Err(), "the store gives up")
}

func (m *manyRegions) context(i int) *kvrpcpb.Context {
	return &kvrpcpb.Context{RegionId: m.regions[i].Id, RegionEpoch: m.regions[i].RegionEpoch}
}

func (m *manyRegions) write(i int, done func(error), ops ...engine.Op) {
	w, err := raftstore.NewWrite(m.context(i), ops, done)
	require.NoError(m.t, err, "NewWrite of a few operations")
	m.Write(w)
}

// view returns a view of region i.
func (m *manyRegions) view(i int) engine.Snapshot {
	m.t.Helper()
	var view engine.Snapshot
	m.Read(&raftstore.Read{Context: m.context(i), Done: func(v engine.Snapshot, err error) {
		require.NoError(m.t, err, "a read of one of many regions")
		view = v
	}})
	m.work()
	require.NotNil(m.t, view, "a read of one of many regions is not answered")
	return view
}

// nowhere is a transport to no other store.
type nowhere struct{}

func (nowhere) Send(*raftserverpb.RaftMessage) {}

// atOnce does slow work at once.
type atOnce struct{}

func (atOnce) Go(work func() (done func())) { work()() }

// Twenty regions write 1 MiB each. They share a pass, and together their writes
// are larger than the largest batch of an engine. The store must write several
// batches.
func TestPassLargerThanBatch(t *testing.T) {
	var bounds []string
	for i := range 19 {
		bounds = append(bounds, fmt.Sprintf("%02d", i+1))
	}
	m := newManyRegions(t, bounds...)
	value := strings.Repeat("x", 1<<20)
	require.Greater(t, 20*len(value), engine.MaxBatchSize)
	done := 0
	for i := range m.regions {
		m.write(i, func(err error) {
			require.NoError(t, err)
			done++
		}, set(engine.CFDefault, fmt.Sprintf("%02d", i), value))
	}
	m.work()
	require.Equal(t, 20, done, "regions that have written")
	m.Close()
}

// Clients write while the disk is full. A leader takes some of the writes and
// refuses the others, because all that it takes must fit into one batch once
// there is room. Then the writes that it took are done.
func TestFullDiskUnderLoad(t *testing.T) {
	m := newManyRegions(t)
	m.log.SetCapacity(m.log.Used())
	done, busy := 0, 0
	const writes = 40
	value := strings.Repeat("x", 1<<20)
	require.Greater(t, writes*len(value), engine.MaxBatchSize)
	for range writes {
		m.write(0, func(err error) {
			var refusal *region.Error
			if errors.As(err, &refusal) && refusal.Err.ServerIsBusy != nil {
				busy++
				return
			}
			require.NoError(t, err)
			done++
		}, set(engine.CFDefault, "k", value))
		m.work()
	}
	require.Zero(t, done, "writes that are done although the disk is full")
	require.NotZero(t, busy)
	m.log.SetCapacity(memory.Unlimited)
	m.Tick()
	m.work()
	require.Equal(t, writes, done+busy, "answers")
	require.NotZero(t, done)
	m.Close()
}

// Two regions share the engine. A view of one shows none of the keys of the
// other.
func TestViewsStayInTheirRegion(t *testing.T) {
	m := newManyRegions(t, "m")
	for i, key := range []string{"a", "z"} {
		m.write(i, func(err error) { require.NoError(t, err) }, set(engine.CFDefault, key, key))
	}
	m.work()
	for i, own := range []string{"a", "z"} {
		other := []string{"z", "a"}[i]
		v := m.view(i)
		require.Equal(t, content{"default/" + own: own}, read(t, v))
		_, found, err := v.Get(engine.CFDefault, []byte(own))
		require.NoError(t, err)
		require.True(t, found)

		var outside *region.Error
		_, _, err = v.Get(engine.CFDefault, []byte(other))
		require.ErrorAs(t, err, &outside, "a get of a key of the other region")
		require.NotNil(t, outside.Err.KeyNotInRegion)
		_, err = v.Iterate(engine.CFDefault, engine.Range{Start: []byte(other)})
		require.ErrorAs(t, err, &outside, "a scan that starts in the other region")
		require.NotNil(t, outside.Err.KeyNotInRegion)
		_, _, err = v.Get(engine.CFDefault, nil)
		require.Equal(t, engine.ErrEmptyKey, err)
		_, _, err = v.Get("meta", []byte(own))
		require.ErrorContains(t, err, "unknown column family")
		require.NoError(t, v.Close())
	}
	m.Close()
}

// Regions that overlap cannot be on one store.
func TestOverlappingRegions(t *testing.T) {
	m := newManyRegions(t, "m")
	m.Close()
	m.regions[1].StartKey = []byte("l")
	var err error
	m.config.RaftEngine, err = memory.NewDisk().Open(raftstore.RaftFamilies...)
	require.NoError(t, err)
	m.config.KVEngine, err = memory.NewDisk().Open(raftstore.KVFamilies...)
	require.NoError(t, err)
	require.NoError(t, raftstore.Bootstrap(&m.config, m.regions...))
	_, err = raftstore.Open(m.config)
	require.ErrorContains(t, err, "region 2 overlaps region 1")
}

// A leader is asked to hand over to a store that does not answer. Until the
// transfer ends, the leader takes no writes, and it does not send clients to
// itself.
func TestLeaderThatHandsOverIsBusy(t *testing.T) {
	g := newGroup(t, 3, "", "")
	g.elect(1)
	g.do(1, "a put", set(engine.CFDefault, "k", "1")).isDone()
	g.isolate(3)
	g.do(1, "a put that store 3 does not get", set(engine.CFDefault, "k", "2")).isDone()
	leader := g.at(1)
	leader.Step(&raftserverpb.RaftMessage{
		RegionId: 1, RegionEpoch: leader.region.RegionEpoch, FromPeer: leader.region.Peers[2], ToPeer: leader.region.Peers[0],
		Message: &eraftpb.Message{MsgType: eraftpb.MessageType_MsgTransferLeader, From: 3, To: 1},
	})
	e := g.do(1, "a put while the leader hands over", set(engine.CFDefault, "k", "3")).refusal()
	require.Nil(t, e.NotLeader, "it still leads")
	require.NotNil(t, e.ServerIsBusy)
	require.Equal(t, content{"default/k": "2"}, g.do(1, "a read while the leader hands over").reads())
	g.tick(1, 10) // the transfer has taken too long
	g.do(1, "a put after that", set(engine.CFDefault, "k", "4")).isDone()
	g.reconnect()
	g.close()
}

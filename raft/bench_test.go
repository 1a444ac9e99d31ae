package raft_test

import (
	"fmt"
	"io"
	"log"
	"testing"

	"github.com/stretchr/testify/require"
	etcd "go.etcd.io/raft/v3"
	etcdpb "go.etcd.io/raft/v3/raftpb"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// BenchmarkPropose measures proposals through a group of three nodes in one
// process: proposed at the leader, committed and applied by all three. It drives
// this package and etcd's the same way: a round proposes a batch, then handles
// every node's Readys until there is nothing left to do. One op is one proposal.
//
//	go test ./raft -run '^$' -bench Propose -count 10 | go tool -modfile=tools/go.mod benchstat -col /impl -
func BenchmarkPropose(b *testing.B) {
	for _, batch := range []int{1, 16, 256} {
		for _, impl := range []struct {
			name  string
			group func(testing.TB) benchGroup
		}{
			{"labkv", newLabkvGroup},
			{"etcd", newEtcdGroup},
		} {
			b.Run(fmt.Sprintf("batch=%d/impl=%s", batch, impl.name), func(b *testing.B) {
				group := impl.group(b)
				group.campaign()
				data := make([]byte, 128)
				b.ReportAllocs()
				for proposed := 0; b.Loop(); {
					group.propose(data)
					if proposed++; proposed%batch == 0 {
						group.settle()
					}
					// What was applied long ago is compacted, as a store does.
					if proposed%4096 == 0 {
						group.settle()
						group.compact()
					}
				}
				group.settle()
				require.GreaterOrEqual(b, group.applied(), uint64(b.N), "every proposal is applied everywhere")
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "proposals/s")
			})
		}
	}
}

// A benchGroup is a group of three nodes, the first of which leads.
type benchGroup interface {
	campaign()
	propose(data []byte)
	// settle handles Readys and delivers messages until nothing is left to do.
	settle()
	compact()
	// applied returns the lowest applied index.
	applied() uint64
}

type labkvGroup struct {
	tb       testing.TB
	nodes    [3]*raft.RawNode
	storages [3]*raft.MemoryStorage
}

func newLabkvGroup(tb testing.TB) benchGroup {
	g := &labkvGroup{tb: tb}
	for i := range g.nodes {
		g.storages[i] = raft.NewMemoryStorage(1, 2, 3)
		rn, err := raft.NewRawNode(&raft.Config{
			ID:            uint64(i) + 1,
			ElectionTick:  10,
			HeartbeatTick: 1,
			Storage:       g.storages[i],
			RandIntN:      func(int) int { return 0 },
			MaxSizePerMsg: 1 << 20,
		})
		require.NoError(tb, err)
		g.nodes[i] = rn
	}
	return g
}

func (g *labkvGroup) campaign() {
	require.NoError(g.tb, g.nodes[0].Campaign())
	g.settle()
	require.Equal(g.tb, raft.StateLeader, g.nodes[0].Status().RaftState)
}

func (g *labkvGroup) propose(data []byte) {
	if _, _, err := g.nodes[0].Propose(data); err != nil {
		g.tb.Fatal(err)
	}
}

func (g *labkvGroup) settle() {
	for busy := true; busy; {
		busy = false
		for i, rn := range g.nodes {
			if !rn.HasReady() {
				continue
			}
			busy = true
			rd := rn.Ready()
			if rd.HardState != nil {
				g.storages[i].SetHardState(rd.HardState)
			}
			if err := g.storages[i].Append(rd.Entries); err != nil {
				g.tb.Fatal(err)
			}
			for _, m := range rd.Messages {
				if err := g.nodes[m.To-1].Step(m); err != nil {
					g.tb.Fatal(err)
				}
			}
			rn.Advance(rd)
		}
	}
}

func (g *labkvGroup) compact() {
	for i, rn := range g.nodes {
		if err := g.storages[i].Compact(rn.Status().Applied, &pb.ConfState{Nodes: []uint64{1, 2, 3}}, nil); err != nil {
			g.tb.Fatal(err)
		}
	}
}

func (g *labkvGroup) applied() uint64 {
	return min(g.nodes[0].Status().Applied, g.nodes[1].Status().Applied, g.nodes[2].Status().Applied)
}

type etcdGroup struct {
	tb       testing.TB
	nodes    [3]*etcd.RawNode
	storages [3]*etcd.MemoryStorage
}

func newEtcdGroup(tb testing.TB) benchGroup {
	g := &etcdGroup{tb: tb}
	for i := range g.nodes {
		g.storages[i] = etcd.NewMemoryStorage()
		// A snapshot at index 1 gives the group its members.
		index, term := uint64(1), uint64(1)
		require.NoError(tb, g.storages[i].ApplySnapshot(&etcdpb.Snapshot{Metadata: &etcdpb.SnapshotMetadata{
			ConfState: &etcdpb.ConfState{Voters: []uint64{1, 2, 3}}, Index: &index, Term: &term,
		}}))
		rn, err := etcd.NewRawNode(&etcd.Config{
			ID:                        uint64(i) + 1,
			ElectionTick:              10,
			HeartbeatTick:             1,
			Storage:                   g.storages[i],
			MaxSizePerMsg:             1 << 20,
			MaxInflightMsgs:           256,
			DisableProposalForwarding: true,
			Logger:                    &etcd.DefaultLogger{Logger: log.New(io.Discard, "", 0)},
		})
		require.NoError(tb, err)
		g.nodes[i] = rn
	}
	return g
}

func (g *etcdGroup) campaign() {
	require.NoError(g.tb, g.nodes[0].Campaign())
	g.settle()
	require.Equal(g.tb, etcd.StateLeader, g.nodes[0].Status().RaftState)
}

func (g *etcdGroup) propose(data []byte) {
	if err := g.nodes[0].Propose(data); err != nil {
		g.tb.Fatal(err)
	}
}

func (g *etcdGroup) settle() {
	for busy := true; busy; {
		busy = false
		for i, rn := range g.nodes {
			if !rn.HasReady() {
				continue
			}
			busy = true
			rd := rn.Ready()
			if rd.HardState != nil {
				if err := g.storages[i].SetHardState(rd.HardState); err != nil {
					g.tb.Fatal(err)
				}
			}
			if err := g.storages[i].Append(rd.Entries); err != nil {
				g.tb.Fatal(err)
			}
			for _, m := range rd.Messages {
				if err := g.nodes[m.GetTo()-1].Step(m); err != nil {
					g.tb.Fatal(err)
				}
			}
			rn.Advance(rd)
		}
	}
}

func (g *etcdGroup) compact() {
	for i, rn := range g.nodes {
		if err := g.storages[i].Compact(rn.Status().Applied); err != nil {
			g.tb.Fatal(err)
		}
	}
}

func (g *etcdGroup) applied() uint64 {
	return min(g.nodes[0].Status().Applied, g.nodes[1].Status().Applied, g.nodes[2].Status().Applied)
}

package raftstore_test

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// An idle is three stores in memory, with the same regions, which no client uses.
type idle struct {
	stores []*raftstore.Store
	wire   []*raftserverpb.RaftMessage
}

// Send implements raftstore.Transport.
func (i *idle) Send(m *raftserverpb.RaftMessage) { i.wire = append(i.wire, m) }

func newIdle(t testing.TB, regions int) *idle {
	all := make([]*metapb.Region, regions)
	for n := range all {
		id := uint64(n + 1)
		all[n] = &metapb.Region{Id: id, RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1}}
		if n > 0 {
			all[n].StartKey = fmt.Appendf(nil, "%08d", n)
			all[n-1].EndKey = all[n].StartKey
		}
		for store := range uint64(3) {
			all[n].Peers = append(all[n].Peers, &metapb.Peer{Id: 3*id + store, StoreId: store + 1})
		}
	}
	i := &idle{}
	for id := range uint64(3) {
		log, err := memory.NewDisk().Open(raftstore.RaftFamilies...)
		require.NoError(t, err)
		kv, err := memory.NewDisk().Open(raftstore.KVFamilies...)
		require.NoError(t, err)
		random := rand.New(rand.NewPCG(id, 0))
		c := raftstore.Config{
			ClusterID: 1, StoreID: id + 1, RaftEngine: log, KVEngine: kv,
			Files:     &life{of: &server{files: newFileSystem()}},
			Transport: i, Executor: atOnce{},
			RandIntN:      func(_ uint64, n int) int { return random.IntN(n) },
			ElectionTicks: 10, HeartbeatTicks: 2, MaxLogEntries: unlimited,
			Logger: slog.New(slog.DiscardHandler),
		}
		require.NoError(t, raftstore.Bootstrap(&c, all...))
		s, err := raftstore.Open(c)
		require.NoError(t, err)
		i.stores = append(i.stores, s)
	}
	return i
}

// tick lets a tick pass on all stores, and all that follows from it.
func (i *idle) tick() {
	for _, s := range i.stores {
		s.Tick()
	}
	for worked := true; worked; {
		worked = false
		for _, s := range i.stores {
			for s.Pass() {
				worked = true
			}
		}
		messages := i.wire
		i.wire = nil
		for _, m := range messages {
			i.stores[m.ToPeer.StoreId-1].Step(m)
		}
	}
}

// led returns the number of regions that have a leader.
func (i *idle) led() (n int) {
	for _, s := range i.stores {
		for _, id := range s.Peers() {
			if st, _ := s.Status(id); st.RaftState == raft.StateLeader {
				n++
			}
		}
	}
	return n
}

// BenchmarkIdleRegions is a tick of three stores in one process, with all that follows
// from it: heartbeats, and their answers. A program ticks ten times a second.
func BenchmarkIdleRegions(b *testing.B) {
	for _, regions := range []int{1000, 5000, 10000} {
		b.Run(fmt.Sprint(regions), func(b *testing.B) {
			before, begin := heap(), time.Now()
			i := newIdle(b, regions)
			for range 100 {
				if i.led() == regions {
					break
				}
				i.tick()
			}
			require.Equal(b, regions, i.led(), "regions with a leader")
			bootstrap, bytes := time.Since(begin), heap()-before
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				i.tick()
			}
			b.StopTimer()
			b.ReportMetric(bootstrap.Seconds(), "bootstrap-s")
			b.ReportMetric(float64(bytes)/float64(regions), "bytes/region")
			b.ReportMetric(b.Elapsed().Seconds()/float64(b.N)*10, "cpu-s/s")
			for _, s := range i.stores {
				s.Close()
			}
		})
	}
}

// heap returns the bytes that are in use.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

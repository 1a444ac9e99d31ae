package scheduler_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// large is a balanced cluster of ten stores with ten thousand regions, and a
// heartbeat of each.
func large(b *testing.B) (*machine, []*schedulerpb.RegionHeartbeatRequest) {
	m := cluster(b, 10, scheduler.Options{})
	var beats []*schedulerpb.RegionHeartbeatRequest
	key := func(i int) string { return fmt.Sprintf("%05d", i) }
	for i := range 10_000 {
		start, end := []byte(key(i)), []byte(key(i+1))
		switch i {
		case 0:
			start = nil
		case 9_999:
			end = nil
		}
		r := &metapb.Region{
			Id: m.id(), StartKey: start, EndKey: end,
			RegionEpoch: &metapb.RegionEpoch{ConfVer: 1, Version: 1},
		}
		for _, offset := range []int{0, 1, 3} {
			r.Peers = append(r.Peers, &metapb.Peer{Id: m.id(), StoreId: uint64((i+offset)%10) + 1})
		}
		beats = append(beats, sized(r, uint64(90<<20+i%7)))
		m.report(beats[i])
	}
	b.ResetTimer()
	return m, beats
}

func BenchmarkRegionHeartbeat(b *testing.B) {
	m, beats := large(b)
	for i := 0; b.Loop(); i++ {
		m.RegionHeartbeat(beats[i%len(beats)])
	}
}

func BenchmarkTick(b *testing.B) {
	m, _ := large(b)
	for b.Loop() {
		m.now = m.now.Add(100 * time.Microsecond)
		if err := m.Tick(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkTimestamps(b *testing.B) {
	m := boot(b, scheduler.Options{})
	req := &schedulerpb.TsoRequest{Header: header, Count: 10}
	for b.Loop() {
		m.now = m.now.Add(time.Microsecond)
		if _, err := m.Timestamps(req); err != nil {
			b.Fatal(err)
		}
	}
}

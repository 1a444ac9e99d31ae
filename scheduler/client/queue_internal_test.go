package client

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

func (q *queue) putRegion(id, size uint64) {
	q.put(&schedulerpb.RegionHeartbeatRequest{Region: &metapb.Region{Id: id}, ApproximateSize: size})
}

// all takes everything, and returns regions and sizes in turn.
func (q *queue) all() []uint64 {
	var all []uint64
	for h := q.take(); h != nil; h = q.take() {
		all = append(all, h.Region.Id, h.ApproximateSize)
	}
	return all
}

func TestQueue(t *testing.T) {
	now := time.Unix(1000, 0)
	q := newQueue(func() time.Time { return now })
	require.Empty(t, q.all())
	q.putRegion(2, 1)
	q.putRegion(1, 2)
	q.putRegion(2, 3)
	q.putRegion(3, 4)
	require.Equal(t, []uint64{2, 3, 1, 2, 3, 4}, q.all(), "the newest of each, in the order of the first")
	require.Equal(t, uint64(1), q.drops())
	q.putRegion(2, 5)
	require.Equal(t, []uint64{2, 5}, q.all())

	// What is true no longer is not said.
	q.putRegion(1, 6)
	now = now.Add(staleAfter - 1)
	q.putRegion(2, 7)
	now = now.Add(1)
	require.Equal(t, []uint64{2, 7}, q.all())
	require.Equal(t, uint64(2), q.drops())

	// An older heartbeat makes a newer one no older.
	q.putRegion(1, 8)
	now = now.Add(staleAfter - 1)
	q.putRegion(1, 9)
	now = now.Add(1)
	require.Equal(t, []uint64{1, 9}, q.all())
}

func TestQueueIsBounded(t *testing.T) {
	q := newQueue(time.Now)
	for id := range uint64(maxRegions + 10) {
		q.putRegion(id, 0)
	}
	require.Equal(t, uint64(10), q.drops())
	all := q.all()
	require.Len(t, all, 2*maxRegions)
	require.Equal(t, uint64(10), all[0], "those that waited longest are lost")
}

func TestPauses(t *testing.T) {
	var p pauses
	limit := minPause
	for range 20 {
		d := p.next()
		require.LessOrEqual(t, d, limit)
		require.Greater(t, d, limit/2-1)
		limit = min(2*limit, maxPause)
	}
	require.Equal(t, maxPause, limit)
	p.reset()
	require.LessOrEqual(t, p.next(), minPause)
}

package client

import (
	"sync"
	"time"

	"github.com/labkv/labkv/proto/schedulerpb"
)

// maxRegions bounds the regions that a queue has heartbeats of. A store with
// more loses the report of the region that has waited longest.
const maxRegions = 1 << 16

// staleAfter is the age at which a heartbeat is no longer sent: another store may
// lead the region by then, and its report must not be followed by an older one.
const staleAfter = 5 * time.Second

// A queue holds the heartbeats that wait for the stream: of each region the
// newest, in the order in which the regions came.
type queue struct {
	// wake has a token when the queue may have something.
	wake chan struct{}
	now  func() time.Time

	mu      sync.Mutex
	order   []uint64 // of the keys of waiting
	waiting map[uint64]waiting
	dropped uint64
}

type waiting struct {
	heartbeat *schedulerpb.RegionHeartbeatRequest
	since     time.Time
}

func newQueue(now func() time.Time) *queue {
	return &queue{wake: make(chan struct{}, 1), now: now, waiting: map[uint64]waiting{}}
}

// put adds a heartbeat. It takes the place of an older one of its region.
func (q *queue) put(h *schedulerpb.RegionHeartbeatRequest) {
	q.mu.Lock()
	id := h.GetRegion().GetId()
	if _, found := q.waiting[id]; found {
		q.dropped++
	} else {
		if len(q.order) == maxRegions {
			delete(q.waiting, q.order[0])
			q.order = q.order[1:]
			q.dropped++
		}
		q.order = append(q.order, id)
	}
	q.waiting[id] = waiting{h, q.now()}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// take removes and returns the first heartbeat that is not stale, or nil.
func (q *queue) take() *schedulerpb.RegionHeartbeatRequest {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.order) > 0 {
		id := q.order[0]
		w := q.waiting[id]
		q.order = q.order[1:]
		delete(q.waiting, id)
		if q.now().Sub(w.since) < staleAfter {
			return w.heartbeat
		}
		q.dropped++
	}
	q.order = nil
	return nil
}

// drops returns how many heartbeats were not sent, because a newer one came, or
// because they were stale or too many.
func (q *queue) drops() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

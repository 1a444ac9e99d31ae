package client

import "sync"

// maxDecided is the number of decided transactions that a client remembers.
const maxDecided = 4096

// decided says what became of transactions that have left locks: a client that meets a
// thousand locks of one transaction asks once. A decision never changes, so what is
// remembered is always true. The zero decided is ready for use.
type decided struct {
	mu    sync.Mutex
	known map[uint64]uint64 // commit timestamps by start timestamp; 0: rolled back
	// order has the start timestamps in known: as a ring once there are maxDecided of them,
	// with the oldest at next.
	order []uint64
	next  int
}

// of returns the commit timestamp of the transaction with that start timestamp, 0 if it
// was rolled back.
func (d *decided) of(startTS uint64) (commitTS uint64, known bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	commitTS, known = d.known[startTS]
	return commitTS, known
}

// remember notes what became of a transaction.
func (d *decided) remember(startTS, commitTS uint64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, known := d.known[startTS]; known {
		return
	}
	if d.known == nil {
		d.known = map[uint64]uint64{}
	}
	if len(d.order) < maxDecided {
		d.order = append(d.order, startTS)
	} else {
		delete(d.known, d.order[d.next])
		d.order[d.next] = startTS
		d.next = (d.next + 1) % maxDecided
	}
	d.known[startTS] = commitTS
}

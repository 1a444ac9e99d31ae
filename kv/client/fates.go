package client

import "sync"

// maxFates is the number of transactions whose fates a client remembers.
const maxFates = 4096

// fates says what became of transactions that have left locks: a client that meets a
// thousand locks of one transaction asks once. A fate never changes, so what is remembered
// is always true. The zero fates is ready for use.
type fates struct {
	mu    sync.Mutex
	known map[uint64]uint64 // commit timestamps by start timestamp; 0: rolled back
	// order has the start timestamps in known: as a ring once there are maxFates of them,
	// with the oldest at next.
	order []uint64
	next  int
}

// of returns the commit timestamp of the transaction with that start timestamp, 0 if it
// was rolled back.
func (f *fates) of(startTS uint64) (commitTS uint64, known bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	commitTS, known = f.known[startTS]
	return commitTS, known
}

// remember notes what became of a transaction.
func (f *fates) remember(startTS, commitTS uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, known := f.known[startTS]; known {
		return
	}
	if f.known == nil {
		f.known = map[uint64]uint64{}
	}
	if len(f.order) < maxFates {
		f.order = append(f.order, startTS)
	} else {
		delete(f.known, f.order[f.next])
		f.order[f.next] = startTS
		f.next = (f.next + 1) % maxFates
	}
	f.known[startTS] = commitTS
}

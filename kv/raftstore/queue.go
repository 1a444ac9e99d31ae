package raftstore

import "sync"

// A runQueue holds the peers that have something to do, each at most once, in
// the order in which they were woken. It never gives a peer to two passes at
// once: a peer that is woken during its pass returns to the queue when the pass
// ends.
type runQueue struct {
	mu     sync.Mutex
	nonEmp sync.Cond
	fifo   []*peer
	closed bool
}

// A runState says where a peer is, as seen by the run queue, whose lock guards
// it.
type runState int

const (
	idle    runState = iota
	queued           // is in the queue
	running          // is in a pass
	again            // is in a pass, and was woken since the pass took it
)

func newRunQueue() *runQueue {
	q := &runQueue{}
	q.nonEmp.L = &q.mu
	return q
}

// wake notes that p has something to do.
func (q *runQueue) wake(p *peer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch p.run {
	case idle:
		p.run = queued
		q.push(p)
	case running:
		p.run = again
	}
}

func (q *runQueue) push(p *peer) {
	q.fifo = append(q.fifo, p)
	q.nonEmp.Signal()
}

// take removes at most n peers from the queue, for one pass, and appends them
// to peers.
func (q *runQueue) take(peers []*peer, n int) []*peer {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.takeLocked(peers, n)
}

func (q *runQueue) takeLocked(peers []*peer, n int) []*peer {
	n = min(n, len(q.fifo))
	for _, p := range q.fifo[:n] {
		p.run = running
	}
	peers = append(peers, q.fifo[:n]...)
	rest := copy(q.fifo, q.fifo[n:])
	clear(q.fifo[rest:])
	q.fifo = q.fifo[:rest]
	return peers
}

// wait is take, but waits until there is a peer. It takes none once the queue
// is closed.
func (q *runQueue) wait(peers []*peer, n int) []*peer {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.fifo) == 0 && !q.closed {
		q.nonEmp.Wait()
	}
	if q.closed {
		return peers
	}
	return q.takeLocked(peers, n)
}

// release ends the pass of peers.
func (q *runQueue) release(peers []*peer) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, p := range peers {
		if p.run == again {
			p.run = queued
			q.push(p)
		} else {
			p.run = idle
		}
	}
}

// close makes every wait return, now and later.
func (q *runQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.nonEmp.Broadcast()
}

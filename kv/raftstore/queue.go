package raftstore

import "sync"

// A runQueue says which peers have something to do. A peer stands in it at most
// once, and is never given to two takers at a time: what arrives for it while it
// is being worked on puts it back in when that is done. Peers come out in the
// order in which they went in.
type runQueue struct {
	mu     sync.Mutex
	nonEmp sync.Cond
	fifo   []*peer
	closed bool
}

// A runState is where a peer stands with its store's run queue, which guards it.
type runState int

const (
	idle    runState = iota
	queued           // stands in the queue
	running          // somebody has it
	again            // somebody has it, and there is more to do already
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

// take appends to peers at most n of those that have something to do.
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

// wait is take, and waits until there is a peer. It returns none once the queue
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

// release gives peers back.
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

// close ends all waiting, now and later.
func (q *runQueue) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.closed = true
	q.nonEmp.Broadcast()
}

package raftstore

import (
	"slices"
	"sync"
)

// A runnable has something to do in passes: it is a peer, or the lobby.
type runnable interface {
	// place returns where it is, which belongs to the run queue.
	place() *runState
}

// A runQueue holds the runnables that have something to do, each at most once,
// in the order in which they were woken. It never gives one to two passes at
// once: one that is woken during its pass returns to the queue when the pass
// ends.
type runQueue struct {
	mu     sync.Mutex
	nonEmp sync.Cond
	fifo   []runnable
	closed bool
}

// A runState says where a runnable is, as seen by the run queue, whose lock
// guards it.
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

// wake notes that r has something to do.
func (q *runQueue) wake(r runnable) {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch at := r.place(); *at {
	case idle:
		*at = queued
		q.push(r)
	case running:
		*at = again
	}
}

func (q *runQueue) push(r runnable) {
	q.fifo = append(q.fifo, r)
	q.nonEmp.Signal()
}

// take removes at most n runnables from the queue, for one pass.
func (q *runQueue) take(n int) []runnable {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.takeLocked(n)
}

func (q *runQueue) takeLocked(n int) []runnable {
	n = min(n, len(q.fifo))
	taken := slices.Clone(q.fifo[:n])
	for _, r := range taken {
		*r.place() = running
	}
	rest := copy(q.fifo, q.fifo[n:])
	clear(q.fifo[rest:])
	q.fifo = q.fifo[:rest]
	return taken
}

// wait is take, but waits until there is a runnable. It takes none once the
// queue is closed.
func (q *runQueue) wait(n int) []runnable {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.fifo) == 0 && !q.closed {
		q.nonEmp.Wait()
	}
	if q.closed {
		return nil
	}
	return q.takeLocked(n)
}

// release ends the pass of those that take or wait returned.
func (q *runQueue) release(taken []runnable) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, r := range taken {
		if at := r.place(); *at == again {
			*at = queued
			q.push(r)
		} else {
			*at = idle
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

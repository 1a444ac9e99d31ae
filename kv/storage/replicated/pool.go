package replicated

import (
	"sync"

	"github.com/labkv/labkv/kv/raftstore"
)

// A pool runs slow work on a fixed number of goroutines, in the order in which
// it comes, and hands each result to the store at once. The queue is not
// bounded: each region has at most a few pieces of work at a time.
type pool struct {
	mu      sync.Mutex
	more    sync.Cond
	tasks   []func() (done func())
	closed  bool
	workers sync.WaitGroup
}

var _ raftstore.Executor = (*pool)(nil)

func newPool(workers int) *pool {
	p := &pool{}
	p.more.L = &p.mu
	for range workers {
		p.workers.Go(p.run)
	}
	return p
}

// Go implements raftstore.Executor. Once the pool is closed it does nothing.
func (p *pool) Go(work func() (done func())) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.tasks = append(p.tasks, work)
		p.more.Signal()
	}
}

func (p *pool) run() {
	for {
		p.mu.Lock()
		for len(p.tasks) == 0 && !p.closed {
			p.more.Wait()
		}
		if p.closed {
			p.mu.Unlock()
			return
		}
		task := p.tasks[0]
		p.tasks[0] = nil
		p.tasks = p.tasks[1:]
		p.mu.Unlock()
		task()()
	}
}

// close drops the tasks that wait, and waits for those that run.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.tasks = nil
	p.more.Broadcast()
	p.mu.Unlock()
	p.workers.Wait()
}

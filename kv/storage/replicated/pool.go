package replicated

import (
	"sync"

	"github.com/labkv/labkv/kv/raftstore"
)

// A pool runs slow work on a fixed number of goroutines, in the order in which
// it comes, and hands each result to the store at once. The queue is not
// bounded: each region has at most a few pieces of work at a time. A piece that
// panics breaks the pool: no later piece is run.
type pool struct {
	mu      sync.Mutex
	more    sync.Cond
	tasks   []func() (done func())
	closed  bool
	workers sync.WaitGroup

	broken chan error // gets the first panic
}

var _ raftstore.Executor = (*pool)(nil)

func newPool(workers int) *pool {
	p := &pool{broken: make(chan error, 1)}
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
		if err := perform(task); err != nil {
			p.abandon()
			select {
			case p.broken <- err:
			default:
			}
			return
		}
	}
}

func perform(task func() (done func())) (err error) {
	defer catch(&err)
	task()()
	return nil
}

// close drops the tasks that wait, and waits for those that run.
func (p *pool) close() {
	p.abandon()
	p.workers.Wait()
}

// abandon drops the tasks that wait.
func (p *pool) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	p.tasks = nil
	p.more.Broadcast()
}

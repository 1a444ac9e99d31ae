//go:build mutant

// The next command in a queue is woken as soon as it has one key, although it waits
// for others.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"slices"
)

func (l *Latches) leave(h *holder, names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		queue := l.queues[name]
		if queue[0] != h {
			l.queues[name] = slices.DeleteFunc(slices.Clone(queue), func(other *holder) bool { return other == h })
			continue
		}
		if len(queue) == 1 {
			delete(l.queues, name)
			continue
		}
		l.queues[name] = queue[1:]
		if next := queue[1]; next.missing > 0 {
			next.missing = 0
			close(next.ready)
		}
	}
}

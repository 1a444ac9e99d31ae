//go:build mutant

// A command that gives up removes the whole queue of each of its keys: the ones that
// wait are forgotten, and the key looks free.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"slices"
)

func (l *Latches) leave(h *holder, names []string) {
	l.mu.Lock()
	for _, name := range names {
		if queue := l.queues[name]; len(queue) > 0 && queue[0] != h {
			l.queues[name] = nil
		}
	}
	for i := 0; i < len(names); {
		if len(l.queues[names[i]]) == 0 {
			names = slices.Delete(names, i, i+1)
			continue
		}
		i++
	}
	l.mu.Unlock()
	l.leave_original(h, names)
}

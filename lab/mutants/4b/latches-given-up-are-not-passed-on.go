//go:build mutant

// A command that gives up leaves its place. If it was first in a queue, waiting for
// another key, the next one is not told.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"slices"
)

func (l *Latches) leave(h *holder, names []string) {
	if h.missing == 0 {
		l.leave_original(h, names)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		l.queues[name] = slices.DeleteFunc(slices.Clone(l.queues[name]), func(other *holder) bool { return other == h })
		if len(l.queues[name]) == 0 {
			delete(l.queues, name)
		}
	}
}

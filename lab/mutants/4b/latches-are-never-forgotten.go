//go:build mutant

// A key that was latched once stays in the map, with an empty queue. A store that
// runs for long has all its keys in memory.
//
//lab:mutant 4B kv/transaction
package transaction

func (l *Latches) leave(h *holder, names []string) {
	l.leave_original(h, names)
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		if _, ok := l.queues[name]; !ok {
			l.queues[name] = nil
		}
	}
}

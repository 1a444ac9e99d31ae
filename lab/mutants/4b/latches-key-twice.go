//go:build mutant

// A command that has a key in its request twice waits for itself.
//
//lab:mutant 4B kv/transaction
package transaction

func (l *Latches) enqueue(h *holder, keys [][]byte) (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queues == nil {
		l.queues = map[string][]*holder{}
	}
	for _, key := range keys {
		name := string(key)
		queue := l.queues[name]

		if len(queue) > 0 {
			h.missing++
		}
		l.queues[name] = append(queue, h)
		names = append(names, name)
	}
	if h.missing == 0 {
		close(h.ready)
	}
	return names
}

//go:build mutant

// A new command goes to the front of those that wait: the one that has waited longest
// is served last.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"slices"
)

func (l *Latches) enqueue(h *holder, keys [][]byte) (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queues == nil {
		l.queues = map[string][]*holder{}
	}
	for _, key := range keys {
		name := string(key)
		queue := l.queues[name]
		if slices.Contains(queue, h) {
			continue
		}
		if len(queue) > 0 {
			h.missing++
		}
		if len(queue) > 0 {
			l.queues[name] = slices.Concat(queue[:1:1], []*holder{h}, queue[1:])
		} else {
			l.queues[name] = []*holder{h}
		}
		names = append(names, name)
	}
	if h.missing == 0 {
		close(h.ready)
	}
	return names
}

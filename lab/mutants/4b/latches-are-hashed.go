//go:build mutant

// Latches are 256, and a key has the one of its hash value. A command waits for
// another one that has no key in common with it, and if that one waits for a
// majority, then as long as that takes.
//
//lab:mutant 4B kv/transaction
package transaction

import (
	"hash/fnv"
)

func (l *Latches) enqueue(h *holder, keys [][]byte) (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queues == nil {
		l.queues = map[string][]*holder{}
	}
	for _, key := range keys {
		hash := fnv.New32a()
		hash.Write(key)
		name := string([]byte{byte(hash.Sum32())})
		queue := l.queues[name]
		if n := len(queue); n > 0 && queue[n-1] == h {
			continue // the key is in keys twice
		}
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

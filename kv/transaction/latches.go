package transaction

import (
	"context"
	"sync"
)

// Latches let one command at a time work on a key. A command that decides on what it reads
// holds the latches of all its keys from before it reads until its writes are applied, or
// are known to come to nothing. They are in memory only, and nothing to clients: locks,
// which clients see, are another matter. They take memory for the keys that commands have
// or want, and for no others.
//
// The zero Latches are ready for use, by several goroutines at once.
type Latches struct {
	mu sync.Mutex
	// queues are the commands that hold or want a key, in the order in which they came.
	// The first one has it. A key that no command wants is not in it.
	queues map[string][]*holder //lab:private
}

// A holder is a command that has some of its keys, or all.
//
//lab:private
type holder struct {
	missing int           // keys that it has to wait for
	ready   chan struct{} // closed once it has all
}

// Acquire returns when the caller has all of keys, which no other command has then. A key
// may be in keys twice. release gives them back; it must be called once.
//
// Commands get a key in the order in which they began to wait for it, and a key that no
// other command has or waits for at once, however many others are held. Two that want the same keys in different order
// do not wait for each other. If ctx ends first, Acquire holds nothing and returns ctx.Err().
//
//lab:implement 4B
func (l *Latches) Acquire(ctx context.Context, keys [][]byte) (release func(), err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h := &holder{ready: make(chan struct{})}
	names := l.enqueue(h, keys)
	release = func() { l.leave(h, names) }
	select {
	case <-h.ready:
		return release, nil
	case <-ctx.Done():
		release()
		return nil, ctx.Err()
	}
}

// enqueue puts h into the queues of all keys at once. So of two commands that want two
// keys in common, one is before the other in both queues.
//
//lab:private
func (l *Latches) enqueue(h *holder, keys [][]byte) (names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.queues == nil {
		l.queues = map[string][]*holder{}
	}
	for _, key := range keys {
		name := string(key)
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

// leave takes h out of the queues of its keys, and gives those that it has to the next.
//
//lab:private
func (l *Latches) leave(h *holder, names []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, name := range names {
		queue := l.queues[name]
		if queue[0] != h { // it has given up waiting
			for i, other := range queue {
				if other == h {
					l.queues[name] = append(queue[:i:i], queue[i+1:]...)
					break
				}
			}
			continue
		}
		if len(queue) == 1 {
			delete(l.queues, name)
			continue
		}
		l.queues[name] = queue[1:]
		next := queue[1]
		if next.missing--; next.missing == 0 {
			close(next.ready)
		}
	}
}

package sim

import (
	"context"
	"sync"
	"time"

	"google.golang.org/grpc/status"
)

// A flow is one direction of a call: frames arrive in the order in which they were
// sent, and one goroutine reads them.
type flow struct {
	// sent counts the frames, and last is when the last of them arrives. They are
	// guarded by the world's lock.
	sent uint64
	last time.Duration

	mu      sync.Mutex
	arrived []frame
	ended   bool
	wake    chan struct{} // has room for one

	// reading is the context of the call where it is read, and living the context of the
	// client or of the incarnation.
	reading, living context.Context
}

// readBy says where the flow is read, before anything arrives.
func (f *flow) readBy(reading, living context.Context) {
	f.wake, f.reading, f.living = make(chan struct{}, 1), reading, living
}

// arrives adds a frame, unless the flow has ended.
func (f *flow) arrives(fr frame) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended {
		return
	}
	f.ended = fr.end != nil
	f.arrived = append(f.arrived, fr)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// next returns the next message. After the last it returns the end, again and again.
func (f *flow) next() ([]byte, error) {
	for {
		if fr, ok := f.take(); ok {
			if fr.body == nil {
				return nil, fr.end
			}
			return fr.body, nil
		}
		select {
		case <-f.wake:
		case <-f.reading.Done():
			return nil, status.FromContextError(f.reading.Err()).Err()
		case <-f.living.Done():
			return nil, status.FromContextError(f.living.Err()).Err()
		}
	}
}

// take returns the oldest message or the end, if one is there.
func (f *flow) take() (frame, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.arrived) == 0 {
		return frame{}, false
	}
	first := f.arrived[0]
	if first.end == nil {
		f.arrived = f.arrived[1:]
	} else {
		f.arrived[0].body = nil // the end stays
	}
	return first, true
}

// over reports whether the end has arrived.
func (f *flow) over() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ended
}

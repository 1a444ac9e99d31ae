package raftstore

import (
	"sync"

	"github.com/labkv/labkv/proto/raftserverpb"
)

// An event is something that happens to a peer; exactly one field is set.
type event struct {
	write   *Write
	read    *Read
	admin   *Admin
	message *raftserverpb.RaftMessage
	// do is anything else: the result of slow work, a report of the
	// transport. It runs in the peer's pass.
	do func(*peer)
}

// size estimates the number of bytes that handling e will write.
func (e event) size() int {
	const overhead = 64 // of a record, whatever it holds
	size := overhead
	if e.write != nil {
		size += len(e.write.data)
	}
	if e.message != nil {
		for _, entry := range e.message.Message.GetEntries() {
			size += len(entry.Data) + overhead
		}
	}
	return size
}

// requests returns the events of requests.
func requests(writes []*Write, reads []*Read, admins []*Admin) (events []event) {
	for _, w := range writes {
		events = append(events, event{write: w})
	}
	for _, r := range reads {
		events = append(events, event{read: r})
	}
	for _, a := range admins {
		events = append(events, event{admin: a})
	}
	return events
}

// refuse answers e with err, if it is a request.
func (e event) refuse(err error) {
	switch {
	case e.write != nil:
		e.write.done(err)
	case e.read != nil:
		e.read.Done(nil, err)
	case e.admin != nil:
		e.admin.Done(nil, err)
	}
}

// An inbox holds the events of a peer that have not been handled yet, oldest
// first, and the ticks. Ticks are counted, not queued: a peer that was busy for
// long catches up with the clock, and the queue does not grow.
type inbox struct {
	mu     sync.Mutex
	events []event
	ticks  int
	// closed is set when the peer is gone: no further event is accepted.
	closed bool
}

// maxMessages is the number of waiting events from which on an inbox drops Raft
// messages. Raft repeats what was dropped. Requests are never dropped, because
// a client waits for each, and neither are snapshots: the peer removes the file
// of one that it does not need.
const maxMessages = 4096

// put adds e and reports whether it was accepted.
func (b *inbox) put(e event) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	droppable := e.message != nil && e.message.Message.GetSnapshot().GetMetadata() == nil
	if b.closed || droppable && len(b.events) >= maxMessages {
		return false
	}
	b.events = append(b.events, e)
	return true
}

func (b *inbox) tick() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ticks++
}

// drain removes and returns the oldest events, up to about maxBytes bytes, and
// all ticks. more is true if events remain.
func (b *inbox) drain(maxBytes int) (events []event, ticks int, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := 0
	for bytes := 0; n < len(b.events) && bytes < maxBytes; n++ {
		bytes += b.events[n].size()
	}
	events, ticks = b.events[:n:n], b.ticks
	if b.events = b.events[n:]; len(b.events) == 0 {
		b.events = nil
	}
	b.ticks = 0
	return events, ticks, len(b.events) > 0
}

// close makes put refuse every further event, and returns the events that were
// left.
func (b *inbox) close() []event {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.closed = true
	events := b.events
	b.events = nil
	return events
}

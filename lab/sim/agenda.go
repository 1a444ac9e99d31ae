package sim

import (
	"cmp"
	"time"
)

// A kind says what an event does. Of events at the same time, the lower kind
// happens first.
type kind uint8

const (
	faultEnds kind = iota + 1
	faultBegins
	exits
	restarts
	healing
	resumes
	departs
	worksSlowly
	handsOver
	answers
	delivers
	transfers
	reports
	requests
	replies
	ticks
	wakes
	supervises
)

func (k kind) String() string {
	return [...]string{"nothing", "fault ends", "fault begins", "exit", "restart", "end of disturbance", "end of holding", "departure", "slow work", "result of slow work", "answer", "message", "piece of a transfer",
		"report to sender", "request", "reply", "tick", "client wakes", "supervision"}[k]
}

// A name is what tells an event from all others at its time, whatever the order
// in which they were planned.
type name struct {
	kind     kind
	to, from uint64
	stream   uint64
	n        uint64
}

func (a name) compare(b name) int {
	return cmp.Or(
		cmp.Compare(a.kind, b.kind),
		cmp.Compare(a.to, b.to),
		cmp.Compare(a.from, b.from),
		cmp.Compare(a.stream, b.stream),
		cmp.Compare(a.n, b.n),
	)
}

// An event is something that will happen.
type event struct {
	at time.Duration
	name
	sum uint64 // of what it carries, for the digest

	incarnation uint64 // of the machine to; events for another are void
	packet      *transit
	call        *call
	do          func()
}

func (e *event) before(o *event) bool {
	if e.at != o.at {
		return e.at < o.at
	}
	return e.name.compare(o.name) < 0
}

// An agenda holds the events to come: a heap with four children to a node, which
// is shallower than the usual one.
type agenda struct{ heap []*event }

func (a *agenda) add(e *event) {
	a.heap = append(a.heap, e)
	i := len(a.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(a.heap[parent]) {
			break
		}
		a.heap[i] = a.heap[parent]
		i = parent
	}
	a.heap[i] = e
}

// peek returns the first event, or nil if there is none.
func (a *agenda) peek() *event {
	if len(a.heap) == 0 {
		return nil
	}
	return a.heap[0]
}

// next removes the first event. There must be one.
func (a *agenda) next() *event {
	first := a.heap[0]
	n := len(a.heap) - 1
	e := a.heap[n]
	a.heap[n] = nil
	a.heap = a.heap[:n]
	if n == 0 {
		return first
	}
	i := 0
	for {
		least := 4*i + 1
		if least >= n {
			break
		}
		for c, end := least+1, min(least+4, n); c < end; c++ {
			if a.heap[c].before(a.heap[least]) {
				least = c
			}
		}
		if !a.heap[least].before(e) {
			break
		}
		a.heap[i] = a.heap[least]
		i = least
	}
	a.heap[i] = e
	return first
}

package rafttest

import (
	"time"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// An eventKind says what an event does. Of events at the same time, the lower
// kind happens first.
type eventKind uint8

const (
	eventFaultEnds eventKind = iota
	eventFaultBegins
	eventCrash
	eventRestart
	eventStage
	eventDeliver
	eventReportSnapshot
	eventReportUnreachable
	eventTick
	eventPropose
	eventChange
	eventHeal
	eventSupervise
)

// An event is something that will happen at a time.
type event struct {
	at time.Duration

	// order decides between events at the same time. No two events have the
	// same time and order, so that the order in which events were made never
	// matters.
	order uint64

	m           *pb.Message // eventDeliver
	n           uint64      // tells events of the same kind and nodes apart
	incarnation uint32      // of the node to; others have missed it
	kind        eventKind
	to, from    uint8
	flag        bool // eventReportSnapshot: it arrived
}

func (e *event) before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.order < o.order
}

// An agenda holds the events to come, in a heap with four children per node,
// which is shallower than the usual one.
type agenda struct{ heap []event }

func (a *agenda) add(e event) {
	e.order = uint64(e.kind)<<58 | uint64(e.to)<<52 | uint64(e.from)<<46 | e.n&(1<<46-1)
	a.heap = append(a.heap, e)
	i := len(a.heap) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !e.before(&a.heap[parent]) {
			break
		}
		a.heap[i] = a.heap[parent]
		i = parent
	}
	a.heap[i] = e
}

// next removes the first event. There must be one.
func (a *agenda) next() event {
	first := a.heap[0]
	n := len(a.heap) - 1
	e := a.heap[n]
	a.heap[n] = event{}
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
			if a.heap[c].before(&a.heap[least]) {
				least = c
			}
		}
		if !a.heap[least].before(&e) {
			break
		}
		a.heap[i] = a.heap[least]
		i = least
	}
	a.heap[i] = e
	return first
}

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

// Before implements agenda.Event.
func (e *event) Before(o *event) bool {
	return e.at < o.at || e.at == o.at && e.order < o.order
}

// ordered returns e with its place among the events of its time.
func (e event) ordered() event {
	e.order = uint64(e.kind)<<58 | uint64(e.to)<<52 | uint64(e.from)<<46 | e.n&(1<<46-1)
	return e
}

// post has e happen.
func (w *world) post(e event) { w.agenda.Add(e.ordered()) }

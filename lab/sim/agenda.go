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
	asks
	delivers
	transfers
	reports
	requests
	replies
	hears
	ticks
	wakes
	supervises
	operates
	commands
	clientCrashes
)

func (k kind) String() string {
	return [...]string{"nothing", "fault ends", "fault begins", "exit", "restart", "end of disturbance", "end of holding", "departure", "slow work", "result of slow work", "answer", "call", "message", "piece of a transfer",
		"report to sender", "request", "reply", "reply to a machine", "tick", "client wakes", "supervision", "operation", "command", "crash of a client"}[k]
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
	do          func()
}

func (e *event) before(o *event) bool {
	if e.at != o.at {
		return e.at < o.at
	}
	return e.name.compare(o.name) < 0
}

// A planned event stands on the agenda.
type planned struct{ *event }

// Before implements agenda.Event.
func (p *planned) Before(o *planned) bool { return p.event.before(o.event) }

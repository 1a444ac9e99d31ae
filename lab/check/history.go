package check

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"
)

// An Op is what a client asked for.
type Op uint8

// The operations of a key-value store.
const (
	Get Op = iota + 1
	Put
	Delete
	Scan
	// Lock is of transactions only: a key that the transaction does not write is not to
	// be written by others that overlap.
	Lock
)

func (o Op) String() string { return [...]string{"?", "get", "put", "delete", "scan", "lock"}[o] }

// A Pair is one key with its value, as a scan returned it.
type Pair struct{ Key, Value string }

// An Operation is one thing that a client did, and what it heard of it.
type Operation struct {
	Client int
	Op     Op
	Key    string // of a scan: where it begins
	Limit  int    // of a scan
	Value  string // of a put: what is put; of a get: what it found
	Found  bool   // of a get
	Pairs  []Pair // of a scan
	Until  string // of a scan: the first key after Key that it has not looked at; "" if it came to the last key

	// Call and Return say in which order operations began and ended: one that
	// returned before another was called has a Return below the other's Call.
	// Return is Never for a write whose outcome nobody knows: it may take
	// effect at any time from Call on, or not at all.
	Call, Return int64
	// Begin and End are the times of both.
	Begin, End time.Duration
}

// Never is the Return of an operation that never returned.
const Never = math.MaxInt64

// Unknown reports whether nobody knows what became of o.
func (o *Operation) Unknown() bool { return o.Return == Never }

func (o *Operation) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.3fs-", o.Begin.Seconds())
	if !o.Unknown() {
		fmt.Fprintf(&b, "%.3fs", o.End.Seconds())
	}
	fmt.Fprintf(&b, " client %d: %s %q", o.Client, o.Op, o.Key)
	switch o.Op {
	case Get:
		b.WriteString(" -> " + value(o.Value, o.Found))
	case Put:
		fmt.Fprintf(&b, " = %q", o.Value)
	case Scan:
		if o.Until != "" {
			fmt.Fprintf(&b, " until %q", o.Until)
		}
		fmt.Fprintf(&b, " -> %d of %d", len(o.Pairs), o.Limit)
	}
	if o.Unknown() {
		b.WriteString(", outcome unknown")
	}
	return b.String()
}

func value(v string, found bool) string {
	if !found {
		return "absent"
	}
	return fmt.Sprintf("%q", v)
}

// A History is what all clients of a run did and saw: operations on their own, and
// transactions. Operations that are known to have had no effect, and reads that were
// not answered, are not in it. Transactions that were aborted are.
type History struct {
	mu           sync.Mutex
	stamp        int64
	operations   []*Operation
	transactions []*Transaction
}

// Operations returns the history, in the order in which operations ended. Those
// whose outcome is unknown come last.
func (h *History) Operations() []*Operation {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.operations
}

// Add adds an operation that was recorded elsewhere.
func (h *History) Add(o *Operation) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.operations = append(h.operations, o)
}

func (h *History) next() int64 {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stamp++
	return h.stamp
}

// A Recorder takes down what one client does.
type Recorder struct {
	history *History
	client  int
	now     func() time.Duration
}

// Recorder returns the recorder of a client. now is the clock for the times that
// people read; the order of operations does not depend on it.
func (h *History) Recorder(client int, now func() time.Duration) *Recorder {
	return &Recorder{h, client, now}
}

// Begin notes that the client is about to do o. Exactly one of Done, Unknown and
// Refused must follow.
func (r *Recorder) Begin(o Operation) *Pending {
	o.Client = r.client
	o.Begin = r.now()
	o.Call = r.history.next()
	return &Pending{r, &o}
}

// A Pending is an operation that was begun and has not ended.
type Pending struct {
	recorder *Recorder
	op       *Operation
}

// Done notes that the operation was acknowledged.
func (p *Pending) Done() { p.end(p.recorder.history.next()) }

// Read notes that a get was answered.
func (p *Pending) Read(value string, found bool) {
	p.op.Value, p.op.Found = value, found
	p.Done()
}

// Scanned notes that a scan was answered with what it found before the key until, or
// up to the last key if until is empty.
func (p *Pending) Scanned(pairs []Pair, until string) {
	p.op.Pairs, p.op.Until = pairs, until
	p.Done()
}

// Unknown notes that the client does not know what became of the operation, and
// never will.
func (p *Pending) Unknown() {
	if p.op.Op == Put || p.op.Op == Delete {
		p.end(Never)
	}
}

// Refused notes that the operation had no effect, and never will have.
func (p *Pending) Refused() {}

func (p *Pending) end(at int64) {
	p.op.Return = at
	p.op.End = p.recorder.now()
	p.recorder.history.Add(p.op)
}

package check

import (
	"fmt"
	"strings"
	"time"
)

// An Outcome is what a client knows about the end of a transaction.
type Outcome uint8

// The outcomes of transactions.
const (
	// Committed: the client was told so.
	Committed Outcome = iota + 1
	// Aborted: the transaction has no effect, and never will have.
	Aborted
	// Undetermined: the client does not know. It may have committed or not, and may
	// still be committed by another client that meets its locks.
	Undetermined
)

func (o Outcome) String() string { return [...]string{"?", "committed", "aborted", "unknown"}[o] }

// A Transaction is one transaction of a client, as the client saw it.
type Transaction struct {
	Client int
	// Start is the start timestamp: it reads what was committed up to then. Commit is
	// the commit timestamp. It is 0 for a transaction that did not commit, that wrote
	// nothing, or of which the client does not know.
	Start, Commit uint64
	Outcome       Outcome
	// Past is set if the client chose a timestamp of the past as the start. Such a
	// transaction only reads.
	Past bool
	// Steps are what it did and saw, one after the other: gets and scans that were
	// answered, puts, deletes, and locks. Their Call and Return do not count.
	Steps []*Operation

	// Call and Return say in which order transactions began and ended, as in
	// Operation: Call is from before the start timestamp was asked for, and Return is
	// Never if the outcome is unknown.
	Call, Return int64
	// Begin and End are the times of both.
	Begin, End time.Duration
}

// String names the transaction.
func (t *Transaction) String() string {
	switch {
	case t.Commit != 0:
		return fmt.Sprintf("client %d's transaction (start %d, commit %d)", t.Client, t.Start, t.Commit)
	case t.Outcome == Committed:
		return fmt.Sprintf("client %d's transaction (start %d)", t.Client, t.Start)
	}
	return fmt.Sprintf("client %d's transaction (start %d, %s)", t.Client, t.Start, t.Outcome)
}

// tell lists the steps of the transaction.
func (t *Transaction) tell() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%.3fs-%.3fs %v", t.Begin.Seconds(), t.End.Seconds(), t)
	for i, o := range t.Steps {
		sep := ", "
		if i == 0 {
			sep = ": "
		}
		fmt.Fprintf(&b, "%s%s %q", sep, o.Op, o.Key)
		switch o.Op {
		case Get:
			b.WriteString(" -> " + value(o.Value, o.Found))
		case Put:
			fmt.Fprintf(&b, " = %q", o.Value)
		case Scan:
			b.WriteString(" ->")
			for _, p := range o.Pairs {
				fmt.Fprintf(&b, " %s=%s", p.Key, p.Value)
			}
		}
	}
	return b.String()
}

// Transactions returns the transactions of the history, in the order in which they
// ended.
func (h *History) Transactions() []*Transaction {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.transactions
}

// AddTransaction adds a transaction that was recorded elsewhere.
func (h *History) AddTransaction(t *Transaction) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.transactions = append(h.transactions, t)
}

// BeginTransaction notes that the client is about to begin a transaction: it has not
// asked for the start timestamp yet.
func (r *Recorder) BeginTransaction() *Running {
	return &Running{r, &Transaction{Client: r.client, Begin: r.now(), Call: r.history.next()}}
}

// A Running is a transaction that was begun and has not ended. Start comes first. At the
// end, one of Committed, Aborted and Undetermined must follow; a transaction that got no
// timestamp is left out.
type Running struct {
	recorder *Recorder
	t        *Transaction
}

// Start notes the start timestamp, and whether it is one of the past.
func (r *Running) Start(ts uint64, past bool) { r.t.Start, r.t.Past = ts, past }

// Begin notes that the transaction is about to do o, which is returned for its results.
func (r *Running) Begin(o Operation) *Operation {
	o.Client, o.Begin = r.recorder.client, r.recorder.now()
	return &o
}

// Done notes that o, which Begin returned, was done.
func (r *Running) Done(o *Operation) {
	o.End = r.recorder.now()
	r.t.Steps = append(r.t.Steps, o)
}

// Committed notes that the client was told that the transaction is committed, at a
// timestamp, which is 0 if it wrote nothing.
func (r *Running) Committed(ts uint64) *Transaction {
	r.t.Commit = ts
	return r.end(Committed, r.recorder.history.next())
}

// Aborted notes that the transaction has no effect, and never will have.
func (r *Running) Aborted() *Transaction { return r.end(Aborted, r.recorder.history.next()) }

// Undetermined notes that the client does not know what became of the transaction.
func (r *Running) Undetermined() *Transaction { return r.end(Undetermined, Never) }

func (r *Running) end(o Outcome, at int64) *Transaction {
	r.t.Outcome, r.t.Return, r.t.End = o, at, r.recorder.now()
	r.recorder.history.AddTransaction(r.t)
	return r.t
}

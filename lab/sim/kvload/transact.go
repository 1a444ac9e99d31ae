package kvload

import (
	"context"
	stderrors "errors"
	"fmt"
	"iter"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/client"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/sim"
	"github.com/labkv/labkv/lab/trace"
)

// ConnectTransactional returns a client of transactions for s, like Connect. A scheduler
// must be there, which hands out the timestamps. The client makes one call after the
// other, and its work in the background is done before a call returns.
func ConnectTransactional(s *sim.Session) *client.Transactional {
	c, err := client.NewTransactional(config(s, s.Stores))
	if err != nil {
		panic(err) // Dial cannot fail, and there is a scheduler
	}
	return c
}

// A transactor runs transactions, and notes them in the history of the run.
type transactor struct {
	s      *sim.Session
	client *client.Transactional
	// past are start timestamps of transactions of this life, for snapshots of the past.
	past []uint64
	// patient is set if the client always waits for as long as it takes to remove locks.
	patient bool
}

func newTransactor(s *sim.Session) *transactor {
	return &transactor{s: s, client: ConnectTransactional(s)}
}

// A tx is a transaction, or a snapshot of the past.
type tx struct {
	c       *transactor
	ctx     context.Context
	txn     *client.Txn
	reads   reader
	running *check.Running
	n       uint64 // of the client's
}

// A reader is what transactions and snapshots have in common.
type reader interface {
	Get(ctx context.Context, key []byte) (value []byte, found bool, err error)
	Scan(ctx context.Context, start, end []byte) iter.Seq2[client.Pair, error]
}

// do runs f in transactions until one is committed, or the life of the client ends.
func (c *transactor) do(f func(t *tx) error) {
	for c.s.Context().Err() == nil && !c.try(f) {
		rest(c.s, c.s.Setting.Tick)
	}
}

// errEnough makes a client roll a transaction back that it could as well commit.
var errEnough = errors.NewNoStackError("the client changed its mind")

// try runs f in one transaction, and reports whether it was committed.
func (c *transactor) try(f func(t *tx) error) bool {
	t := &tx{c: c, running: c.s.History.BeginTransaction(), n: c.s.Count()}
	ctx, cancel := context.WithTimeout(c.s.Context(), c.patience())
	defer cancel()
	t.ctx = ctx
	var err error
	if t.txn, err = c.client.Begin(ctx); err != nil {
		return false
	}
	t.reads = t.txn
	t.running.Start(t.txn.StartTS(), false)
	c.past = append(c.past, t.txn.StartTS())
	t.tell("begins", "")
	if err = f(t); err != nil {
		t.txn.Rollback()
		t.running.Aborted()
		t.tell("refused", ": "+err.Error())
		return err == errEnough
	}
	t.tell("commits", "")
	err = t.txn.Commit(ctx)
	var unknown *client.OutcomeUnknownError
	var aborted *client.AbortedError
	switch {
	case err == nil:
		c.s.Served()
		t.running.Committed(t.txn.CommitTS())
		more := ", which wrote nothing"
		if ts := t.txn.CommitTS(); ts != 0 {
			more = fmt.Sprintf(", commit %d", ts)
		}
		t.tell("done", more)
	case stderrors.As(err, &unknown):
		c.s.Reach(sim.UnknownOutcome)
		t.running.Undetermined()
		t.tell("unknown", ": "+err.Error())
	default:
		if stderrors.As(err, &aborted) {
			c.s.Reach(Aborted)
		}
		t.running.Aborted()
		t.tell("refused", ": "+err.Error())
	}
	return err == nil
}

// look runs f on a snapshot of the past, and reports whether it has seen all.
func (c *transactor) look(f func(t *tx) error) bool {
	if len(c.past) == 0 {
		return false
	}
	ts := dice.Pick(c.s.Draw, c.past...)
	t := &tx{c: c, running: c.s.History.BeginTransaction(), reads: c.client.At(ts)}
	t.running.Start(ts, true)
	ctx, cancel := context.WithTimeout(c.s.Context(), c.patience())
	defer cancel()
	t.ctx = ctx
	err := f(t)
	if err != nil {
		t.running.Aborted()
		return false
	}
	c.s.Served()
	t.running.Committed(0)
	return true
}

// patience is how long a client waits for a transaction: mostly it gives up before the
// locks of a dead client may be removed, now and then it removes them.
func (c *transactor) patience() time.Duration {
	if c.patient || !c.s.Working() || c.s.Draw.IntN(3) == 0 {
		return 8 * time.Second
	}
	return dice.Pick[time.Duration](c.s.Draw, 8, 20, 50) * c.s.Setting.Tick
}

// tag returns what makes a value different from all others.
func (c *transactor) tag() string { return fmt.Sprintf("%d-%d", c.s.ID, c.s.Count()) }

func (t *tx) get(key string) (string, bool, error) {
	o := t.running.Begin(check.Operation{Op: check.Get, Key: key})
	value, found, err := t.reads.Get(t.ctx, []byte(key))
	if err != nil {
		return "", false, err
	}
	o.Value, o.Found = string(value), found
	t.running.Done(o)
	return o.Value, found, nil
}

// scan reads up to limit pairs from start on below end, or up to the last key if end is
// empty.
func (t *tx) scan(start, end string, limit int) ([]check.Pair, error) {
	o := t.running.Begin(check.Operation{Op: check.Scan, Key: start, Until: end, Limit: limit})
	for pair, err := range t.reads.Scan(t.ctx, []byte(start), []byte(end)) {
		if err != nil {
			return nil, err
		}
		o.Pairs = append(o.Pairs, check.Pair{Key: string(pair.Key), Value: string(pair.Value)})
		if len(o.Pairs) == limit {
			break
		}
	}
	t.running.Done(o)
	return o.Pairs, nil
}

func (t *tx) put(key, value string) error {
	t.running.Done(t.running.Begin(check.Operation{Op: check.Put, Key: key, Value: value}))
	return t.txn.Put([]byte(key), []byte(value))
}

func (t *tx) delete(key string) error {
	t.running.Done(t.running.Begin(check.Operation{Op: check.Delete, Key: key}))
	return t.txn.Delete([]byte(key))
}

func (t *tx) lock(key string) error {
	t.running.Done(t.running.Begin(check.Operation{Op: check.Lock, Key: key}))
	return t.txn.Lock([]byte(key))
}

// tell adds the transaction to the log of the run.
func (t *tx) tell(fate, more string) {
	if t.c.s.Tracing() {
		t.c.s.Tell(trace.Event{Kind: trace.Operation, N: t.n, Start: t.txn.StartTS(), Fate: fate, Text: fmt.Sprintf("transaction %d%s", t.txn.StartTS(), more)})
	}
}

package main

import (
	"bufio"
	"encoding/json"
	"io"
	"sync/atomic"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/check"
)

// The soak and a teller, which is a process of its own, talk in lines through two pipes.
//
// The first line to a teller is its assignment. Each further line, which is empty, is a
// nod: the teller may begin one transaction. The end of the pipe ends the teller.
//
// The lines from a teller say what it does and sees. Each is written before the next
// thing is done, so whatever a teller that was killed has done is known, but for the last
// step. A line that was cut short announces something that has not happened.

// An assignment is what a teller has to know.
type assignment struct {
	Scheduler    string // address
	Teller, Life int    // values carry these, so that each is written once
	Accounts     int
	Rate         float64 // of transactions per second, at most
	Seed         uint64
}

// A line is what a teller says.
type line struct {
	Event event `json:"event"`
	// TS is the timestamp of starts and committed; 0 if nothing was written.
	TS uint64 `json:"ts,omitempty"`
	// Past says that the teller has chosen a timestamp of the past to start at.
	Past bool `json:"past,omitempty"`
	// Key, Value and Found are what was read.
	Key   string `json:"key,omitempty"`
	Value string `json:"value,omitempty"`
	Found bool   `json:"found,omitempty"`
	// Pairs are what was scanned, or what is to be written.
	Pairs []check.Pair `json:"pairs,omitempty"`
}

type event string

const (
	begins event = "begins" // the teller waits for a nod before it asks for a timestamp
	starts event = "starts"
	reads  event = "reads"
	scans  event = "scans"  // all accounts
	writes event = "writes" // the next thing is the commit

	committed event = "committed"
	conflict  event = "conflict"
	refused   event = "refused" // without any effect
	unknown   event = "unknown"
)

// A ledger makes transactions of the history out of what tellers say. The stamps of the
// history, which say what came before what, are given here and in no other process, when
// a line is read. A transaction that returned may get its stamp late; that claims less
// than could be claimed. But it must not get the stamp of its beginning late, or it would
// be blamed for missing what was committed meanwhile. So a teller says that it begins,
// and asks for its timestamp only after a nod, which is given after the stamp. That needs
// no clock that all processes agree on, and costs one turn through the pipes.
type ledger struct {
	recorder *check.Recorder
	counts   *counts
	nod      func()
	// committing is called when the teller is about to commit, or has just begun to.
	committing func()
	answered   func() // called when a transaction has committed

	running *check.Running // nil between transactions
	started bool           // the transaction has a timestamp
	asked   bool           // the teller may have called Commit
}

// counts are of all tellers.
type counts struct {
	committed, conflicts, refused, unknown atomic.Int64
}

// follow takes down what a teller says until it is silent. The last transaction of one
// that was killed has an unknown outcome if it may have called Commit; otherwise it had no
// effect.
func (l *ledger) follow(says io.Reader) error {
	for in := bufio.NewReader(says); ; {
		text, err := in.ReadBytes('\n')
		if err != nil {
			if l.running != nil && l.asked {
				l.end(unknown, 0)
			} else if l.running != nil {
				l.end(refused, 0)
			}
			if err == io.EOF {
				err = nil
			}
			return errors.Trace(err)
		}
		var said line
		if err := json.Unmarshal(text, &said); err != nil {
			return errors.Annotatef(err, "a teller says %q", text)
		}
		if !l.take(&said) {
			return errors.Errorf("a teller says %q where that makes no sense", text)
		}
	}
}

// take takes down one line, and reports whether it can follow those before it.
func (l *ledger) take(said *line) bool {
	switch {
	case said.Event == begins:
		if l.running != nil {
			return false
		}
		l.running, l.started, l.asked = l.recorder.BeginTransaction(), false, false
		l.nod()
		return true
	case l.running == nil:
		return false
	case said.Event == refused:
		l.end(refused, 0)
		return true
	case said.Event == starts:
		if l.started {
			return false
		}
		l.running.Start(said.TS, said.Past)
		l.started = true
		return true
	case !l.started:
		return false
	}
	switch said.Event {
	case reads:
		l.done(check.Operation{Op: check.Get, Key: said.Key, Value: said.Value, Found: said.Found})
	case scans:
		l.done(check.Operation{Op: check.Scan, Key: accountName(0), Until: endOfAccounts, Limit: everything, Pairs: said.Pairs})
	case writes:
		for _, p := range said.Pairs {
			l.done(check.Operation{Op: check.Put, Key: p.Key, Value: p.Value})
		}
		l.asked = true
		l.committing()
	case committed, conflict, unknown:
		l.end(said.Event, said.TS)
	default:
		return false
	}
	return true
}

func (l *ledger) done(o check.Operation) { l.running.Done(l.running.Begin(o)) }

func (l *ledger) end(outcome event, ts uint64) {
	running := l.running
	l.running = nil
	switch outcome {
	case committed:
		l.counts.committed.Add(1)
		l.answered()
		running.Committed(ts)
	case unknown:
		l.counts.unknown.Add(1)
		running.Undetermined()
	case conflict:
		l.counts.conflicts.Add(1)
		running.Aborted()
	case refused:
		l.counts.refused.Add(1)
		if l.started { // otherwise there is nothing to say about it
			running.Aborted()
		}
	}
}

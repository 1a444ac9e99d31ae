package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// The rules of SnapshotIsolation.
const (
	RuleTimestamps = "timestamps are unique, and a transaction commits after its start"
	RuleRealTime   = "timestamps follow real time"
	RuleSnapshot   = "a transaction reads the newest values that were committed up to its start"
	RuleOwnWrites  = "a transaction reads its own writes"
	RuleAtomic     = "the writes of a transaction become visible all at once"
	RuleAborted    = "what an aborted transaction wrote is never read"
	RuleConflict   = "of two transactions that overlap and write the same key, at most one commits"
	RuleFinal      = "only the last value that a transaction writes to a key is ever read by others"
)

// SnapshotIsolation returns a *Violation unless the transactions of h are what snapshot
// isolation allows:
//
//   - A read in a transaction with start S returns what the transaction itself wrote to
//     the key before, or else the newest version with a commit timestamp <= S.
//   - Of two transactions with start1 < commit2 and start2 < commit1, at most one
//     commits if both write or lock the same key.
//   - No timestamp is given out twice, and one that was asked for after another was known
//     is higher.
//
// Timestamps are known, so there is nothing to search for, and the check is exact.
// A transaction with unknown outcome has committed if another one has read what it
// wrote: then all of its writes are there, from one timestamp on, which the reads confine.
// That an absent key was deleted by such a transaction is only concluded if there is just
// one that can have done so.
//
// A commit that was acknowledged and lost shows as a read, at the end, that misses it: let
// a transaction read every key once the system has recovered.
//
// Values must tell their writers: no two writes to a key have the same value.
func SnapshotIsolation(h *History) error {
	_, err := newSnapshots(h)
	return err
}

// snapshots are the transactions of a history with the versions that they made.
type snapshots struct {
	all    []*txn
	keys   []*keyed // ascending
	chains map[string]*chain
}

// newSnapshots checks a history.
func newSnapshots(h *History) (*snapshots, error) {
	s := &snapshots{chains: map[string]*chain{}}
	for _, t := range h.Transactions() {
		s.all = append(s.all, &txn{Transaction: t})
	}
	if err := s.checkTimestamps(); err != nil {
		return nil, err
	}
	if err := s.checkRealTime(); err != nil {
		return nil, err
	}
	for _, t := range s.all {
		if err := checkScans(t.Steps); err != nil {
			return nil, t.at(err)
		}
		if err := s.add(t); err != nil {
			return nil, err
		}
	}
	slices.SortFunc(s.keys, func(a, b *keyed) int { return cmp.Compare(a.name, b.name) })
	if err := s.find(); err != nil {
		return nil, err
	}
	for {
		if err := s.checkConflicts(); err != nil {
			return nil, err
		}
		again, err := s.checkReads()
		if err != nil {
			return nil, err
		}
		if !again {
			return s, s.checkBounds()
		}
	}
}

// at says that err, of a step, is about t.
func (t *txn) at(err error) error {
	v := err.(*Violation)
	v.Transactions = []*Transaction{t.Transaction}
	v.At = t.End
	return v
}

// broken makes a violation that is about transactions, the one that showed it first.
func broken(rule, key, found string, about ...*txn) *Violation {
	v := &Violation{Rule: rule, Key: key, Found: found, At: about[0].End}
	var lines []string
	for _, t := range about {
		if t != nil && !slices.Contains(v.Transactions, t.Transaction) {
			v.Transactions = append(v.Transactions, t.Transaction)
			lines = append(lines, t.tell())
		}
	}
	v.Fate = strings.Join(lines, "\n")
	return v
}

// checkTimestamps checks the timestamps by themselves.
func (s *snapshots) checkTimestamps() error {
	type use struct {
		by *txn
		as string
	}
	used := map[uint64]use{}
	take := func(ts uint64, now use) error {
		if old, twice := used[ts]; twice {
			return broken(RuleTimestamps, "", fmt.Sprintf("timestamp %d is the %s of %v and the %s of %v", ts, now.as, now.by, old.as, old.by), now.by, old.by)
		}
		used[ts] = now
		return nil
	}
	for _, t := range s.all {
		if t.Commit != 0 && t.Commit <= t.Start {
			return broken(RuleTimestamps, "", fmt.Sprintf("%v commits at a timestamp that is not above its start", t), t)
		}
		if t.Past {
			continue
		}
		if err := take(t.Start, use{t, "start"}); err != nil {
			return err
		}
		if t.Commit == 0 {
			continue
		}
		if err := take(t.Commit, use{t, "commit timestamp"}); err != nil {
			return err
		}
	}
	return nil
}

// checkRealTime checks that a transaction that began after another one had ended has the
// higher start.
func (s *snapshots) checkRealTime() error {
	ended := slices.DeleteFunc(slices.Clone(s.all), func(t *txn) bool { return t.Return == Never })
	slices.SortStableFunc(ended, func(a, b *txn) int { return cmp.Compare(a.Return, b.Return) })
	begun := slices.DeleteFunc(slices.Clone(s.all), func(t *txn) bool { return t.Past })
	slices.SortStableFunc(begun, func(a, b *txn) int { return cmp.Compare(a.Call, b.Call) })
	var last *txn // the one with the highest timestamp of those that have ended
	for _, t := range begun {
		for len(ended) > 0 && ended[0].Return < t.Call {
			if last == nil || ended[0].newest() > last.newest() {
				last = ended[0]
			}
			ended = ended[1:]
		}
		if last == nil || t.Start > last.newest() {
			continue
		}
		return broken(RuleRealTime, "", fmt.Sprintf("%v began at %.3fs, after %v had ended at %.3fs, but its start is lower",
			t, t.Begin.Seconds(), last, last.End.Seconds()), t, last)
	}
	return nil
}

// newest is the highest timestamp that t is known to have been given.
func (t *txn) newest() uint64 { return max(t.Start, t.Commit) }

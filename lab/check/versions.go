package check

import (
	"cmp"
	"fmt"
	"slices"
)

// A txn is a transaction in a check.
type txn struct {
	*Transaction
	// writes are the keys that it has written, in the order of the first write, and locks
	// those that it has only locked.
	writes, locks []string
	// visible is set if it has committed. If its outcome is unknown, another transaction
	// has seen that.
	visible bool
	// If the commit timestamp is not known, it is above after and at most upTo.
	after, upTo bound
}

// dated reports whether the commit timestamp of t, which is visible, is known.
func (t *txn) dated() bool { return t.Commit != 0 }

// A bound is a bound of a commit timestamp, with the reason: the transaction by has read
// the key in a snapshot with that timestamp, or written to it.
type bound struct {
	ts  uint64
	by  *txn
	key string
}

// A chain is the versions of a key, by their starts and thereby by their commits.
type chain struct {
	key      string
	versions []version
	// takers are the visible transactions that write or lock the key, by their starts.
	takers  []*txn
	writers map[string]source // by value
	// deleters are the transactions with unknown outcome that delete the key.
	deleters []*txn
}

// A version is the last write of a visible transaction to a key.
type version struct {
	by *txn
	op *Operation
}

// A source is the write that a value comes from.
type source struct {
	by *txn
	op *Operation
	// last is set if the transaction did not write to the key again.
	last bool
}

// chain returns the chain of a key.
func (s *snapshots) chain(key string) *chain {
	c := s.chains[key]
	if c == nil {
		c = &chain{key: key, writers: map[string]source{}}
		s.chains[key] = c
		s.keys = append(s.keys, &keyed{name: key})
	}
	return c
}

// add adds what t writes to the chains of its keys.
func (s *snapshots) add(t *txn) error {
	last, locked := map[string]*Operation{}, map[string]bool{}
	for _, o := range t.Steps {
		switch o.Op {
		case Get:
			s.chain(o.Key)
		case Scan:
			for _, p := range o.Pairs {
				s.chain(p.Key)
			}
		case Lock:
			s.chain(o.Key)
			if !locked[o.Key] {
				locked[o.Key] = true
				t.locks = append(t.locks, o.Key)
			}
		case Put, Delete:
			c := s.chain(o.Key)
			if before := last[o.Key]; before == nil {
				t.writes = append(t.writes, o.Key)
			} else if before.Op == Put {
				c.writers[before.Value] = source{t, before, false}
			}
			last[o.Key] = o
			if o.Op == Delete {
				continue
			}
			if other, twice := c.writers[o.Value]; twice {
				return &Violation{Rule: RuleUndecided, Undecided: true, Found: fmt.Sprintf(
					"%v and %v both write %q to key %q: nothing tells which of them a read has seen", other.by, t, o.Value, o.Key)}
			}
			c.writers[o.Value] = source{t, o, true}
		}
	}
	t.locks = slices.DeleteFunc(t.locks, func(key string) bool { return last[key] != nil })
	t.visible = t.Outcome == Committed
	for _, key := range t.writes {
		if last[key].Op == Delete && t.Outcome == Undetermined {
			c := s.chains[key]
			c.deleters = append(c.deleters, t)
		}
	}
	return nil
}

// at returns the place of the newest version of the snapshot of ts, -1 for none. If unsure,
// the one after it may be in the snapshot, too: its commit timestamp is not known.
func (c *chain) at(ts uint64) (newest int, unsure bool) {
	n, _ := slices.BinarySearchFunc(c.versions, ts, func(v version, ts uint64) int { return cmp.Compare(v.by.Start, ts) })
	n-- // the last one that began before ts; those below it were committed by then
	switch {
	case n < 0 || c.versions[n].by.dated() && c.versions[n].by.Commit <= ts:
		return n, false
	default:
		return n - 1, !c.versions[n].by.dated()
	}
}

// version returns the version at a place, nil for -1.
func (c *chain) version(n int) *version {
	if n < 0 {
		return nil
	}
	return &c.versions[n]
}

// is reports whether the version, or the absence of one, is what r says.
func (v *version) is(r *seen) bool {
	if v == nil || v.op.Op == Delete {
		return !r.found
	}
	return r.found && v.op.Value == r.value
}

package check

import (
	"cmp"
	"fmt"
	"math"
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
//     commits if both write to the same key.
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

// A txn is a transaction in a check.
type txn struct {
	*Transaction
	// writes are the keys that it has written, in the order of the first write, and locks
	// those that it has only locked.
	writes, locks []string
	// visible is set if it has committed. If its outcome is unknown, someone has seen that.
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

// A seen is what a step of a transaction says about a key.
type seen struct {
	t     *txn
	op    *Operation
	chain *chain
	value string
	found bool
	// own is the write of the transaction itself to the key before, nil if there is none.
	own *Operation
}

func (r *seen) String() string {
	return fmt.Sprintf("key %q was read as %s at %.3fs by %v", r.chain.key, value(r.value, r.found), r.op.End.Seconds(), r.t)
}

// each calls do for all that transactions have seen, until do returns false.
func (s *snapshots) each(do func(r *seen) bool) {
	for _, t := range s.all {
		if !s.eachOf(t, do) {
			return
		}
	}
}

// eachOf calls do for all that t has seen, until do returns false, and reports whether
// it never did.
func (s *snapshots) eachOf(t *txn, do func(r *seen) bool) bool {
	own := map[string]*Operation{}
	for _, o := range t.Steps {
		switch o.Op {
		case Put, Delete:
			own[o.Key] = o
		case Get:
			if !do(&seen{t, o, s.chains[o.Key], o.Value, o.Found, own[o.Key]}) {
				return false
			}
		case Scan:
			for _, k := range o.seen(s.keys) {
				if !do(&seen{t, o, s.chains[k.key.name], k.value, k.found, own[k.key.name]}) {
					return false
				}
			}
		}
	}
	return true
}

// find finds out which transactions with unknown outcome have committed, and checks that
// what was read was written.
func (s *snapshots) find() (err error) {
	s.each(func(r *seen) bool {
		if !r.found || r.own != nil {
			return true
		}
		from, written := r.chain.writers[r.value]
		switch {
		case !written:
			err = broken(RuleSnapshot, r.chain.key, r.String()+", which no transaction ever wrote to it", r.t)
		case from.by == r.t:
			err = broken(RuleSnapshot, r.chain.key, r.String()+", which wrote that only later", r.t)
		case from.by.Outcome == Aborted:
			err = broken(RuleAborted, r.chain.key, fmt.Sprintf("%v, but %v, which wrote that, was aborted", r, from.by), r.t, from.by)
		case !from.last:
			err = broken(RuleFinal, r.chain.key, fmt.Sprintf("%v, but %v, which wrote that, wrote to the key again before it ended", r, from.by), r.t, from.by)
		default:
			from.by.visible = true
		}
		return err == nil
	})
	return err
}

// checkConflicts makes the chains of the transactions that are visible, and checks that
// none of those that write or lock the same key overlap.
func (s *snapshots) checkConflicts() error {
	for _, c := range s.chains {
		c.versions, c.takers = nil, nil
	}
	for _, t := range s.all {
		t.after, t.upTo = bound{ts: t.Start}, bound{ts: math.MaxUint64}
		if !t.visible {
			continue
		}
		for _, key := range t.writes {
			c := s.chains[key]
			c.versions = append(c.versions, version{by: t})
			c.takers = append(c.takers, t)
		}
		for _, key := range t.locks {
			c := s.chains[key]
			c.takers = append(c.takers, t)
		}
		for _, o := range t.Steps {
			if c := s.chains[o.Key]; o.Op == Put || o.Op == Delete {
				c.versions[len(c.versions)-1].op = o
			}
		}
	}
	for _, k := range s.keys {
		c := s.chains[k.name]
		slices.SortFunc(c.versions, func(a, b version) int { return cmp.Compare(a.by.Start, b.by.Start) })
		slices.SortFunc(c.takers, func(a, b *txn) int { return cmp.Compare(a.Start, b.Start) })
		for i := range c.takers {
			if i == 0 {
				continue
			}
			a, b := c.takers[i-1], c.takers[i]
			switch {
			case !a.dated():
				a.limit(bound{b.Start - 1, b, k.name})
			case a.Commit > b.Start:
				return broken(RuleConflict, k.name, fmt.Sprintf(
					"%v and %v both %s key %q and committed, although each began before the other had committed", a, b, c.took(a, b), k.name), b, a)
			}
		}
	}
	return nil
}

// took says what both a and b, which are among the takers, did to the key.
func (c *chain) took(a, b *txn) string {
	for _, t := range []*txn{a, b} {
		if slices.Contains(t.locks, c.key) {
			return "wrote or locked"
		}
	}
	return "wrote to"
}

// limit notes that the commit timestamp of t is at most that of b.
func (t *txn) limit(b bound) {
	if b.ts < t.upTo.ts {
		t.upTo = b
	}
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

// checkReads checks each read. It returns again if a transaction with unknown outcome
// turned out to have committed.
func (s *snapshots) checkReads() (again bool, err error) {
	var deleted []*txn
	s.each(func(r *seen) bool {
		if r.own != nil {
			if own := (&version{r.t, r.own}); !own.is(r) {
				err = broken(RuleOwnWrites, r.chain.key, fmt.Sprintf("%v, which had %s before", r, wrote(r.own)), r.t)
			}
			return err == nil
		}
		n, unsure := r.chain.at(r.t.Start)
		newest := r.chain.version(n)
		var maybe *version
		if unsure {
			maybe = r.chain.version(n + 1)
		}
		switch isNewest, isMaybe := newest.is(r), unsure && maybe.is(r); {
		case isNewest && (!unsure || isMaybe):
		case (isNewest || isMaybe) && !r.found && r.chain.mayBeDeleted(newest, r.t):
			// It says nothing about maybe.
		case isNewest:
			if t := maybe.by; r.t.Start > t.after.ts {
				t.after = bound{r.t.Start, r.t, r.chain.key}
			}
		case isMaybe:
			maybe.by.limit(bound{r.t.Start, r.t, r.chain.key})
		default:
			if !r.found {
				switch deleters := r.chain.deletersBetween(newest, r.t); len(deleters) {
				case 0:
				case 1:
					deleted = append(deleted, deleters[0])
					return true
				default:
					return true // one of them did it
				}
			}
			err = s.wrong(r, newest)
		}
		return err == nil
	})
	for _, t := range deleted {
		t.visible = true
	}
	return len(deleted) > 0 && err == nil, err
}

// deletersBetween returns the transactions with unknown outcome that can have deleted the
// key after version v and before t began, and of which nobody knows yet that they did.
func (c *chain) deletersBetween(v *version, t *txn) []*txn {
	return slices.DeleteFunc(slices.Clone(c.deleters), func(d *txn) bool {
		return d.visible || d.Start >= t.Start || v != nil && d.Start <= v.by.newest()
	})
}

// mayBeDeleted reports whether there are such transactions.
func (c *chain) mayBeDeleted(v *version, t *txn) bool { return len(c.deletersBetween(v, t)) > 0 }

// wrote says what a write did: "written …".
func wrote(o *Operation) string {
	if o.Op == Delete {
		return "deleted it"
	}
	return fmt.Sprintf("written %q", o.Value)
}

// wrong explains why r is not what the snapshot of its transaction has, which is want.
func (s *snapshots) wrong(r *seen, want *version) error {
	key := r.chain.key
	if r.found {
		switch w := r.chain.writers[r.value].by; {
		case w.dated() && w.Commit > r.t.Start, w.Start > r.t.Start:
			return broken(RuleSnapshot, key, fmt.Sprintf("%v, but that was written by %v, which is not in its snapshot", r, w), r.t, w)
		}
	}
	// Every visible version of the snapshot but the newest is stale, and so is an absent
	// key that has one.
	w := want.by
	found := fmt.Sprintf("%v, although %v had %s", r, w, wrote(want.op))
	switch {
	case w.Outcome == Undetermined:
		found += ", as others have seen"
	case w.Return < r.t.Call:
		found += fmt.Sprintf(", and was told at %.3fs that it is committed", w.End.Seconds())
	}
	rule := RuleSnapshot
	s.eachOf(r.t, func(other *seen) bool {
		if other.found && other.own == nil && other.chain.writers[other.value].by == w {
			rule = RuleAtomic
			found += fmt.Sprintf("; what that wrote to key %q it did read", other.chain.key)
			return false
		}
		return true
	})
	return broken(rule, key, found, r.t, w)
}

// checkBounds checks that each transaction with unknown outcome that was seen can have
// committed at one timestamp.
func (s *snapshots) checkBounds() error {
	for _, t := range s.all {
		if !t.visible || t.dated() || t.after.ts < t.upTo.ts {
			continue
		}
		missed, saw := t.after, t.upTo
		if missed.by == nil {
			return broken(RuleConflict, saw.key, fmt.Sprintf(
				"%v and %v both %s key %q and committed, although the second one began before the first one can have committed",
				t, saw.by, s.chains[saw.key].took(t, saw.by), saw.key), saw.by, t)
		}
		found := fmt.Sprintf("%v did not read what %v wrote to key %q, although ", missed.by, t, missed.key)
		switch {
		case saw.by == missed.by:
			found += fmt.Sprintf("it did read what that wrote to key %q", saw.key)
		case saw.ts == saw.by.Start:
			found += fmt.Sprintf("%v, whose snapshot is older, did read what that wrote to key %q", saw.by, saw.key)
		default:
			found += fmt.Sprintf("it must have committed before %v began, as both %s key %q", saw.by, s.chains[saw.key].took(t, saw.by), saw.key)
		}
		return broken(RuleAtomic, missed.key, found, missed.by, t, saw.by)
	}
	return nil
}

package check

import (
	"fmt"
	"slices"
)

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
// key after version v and before t began, and have not been found to have committed.
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

package check

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

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

// limit notes that the commit timestamp of t is at most the bound b.
func (t *txn) limit(b bound) {
	if b.ts < t.upTo.ts {
		t.upTo = b
	}
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

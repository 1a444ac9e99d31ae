package check

import "fmt"

// RuleSum is the rule of Sums.
const RuleSum = "what transactions only move from key to key stays the same in sum"

// Sums returns a *Violation unless the amounts in keys are total in sum in every
// snapshot. It looks at the transactions that have read all of the keys before they wrote
// to any, whatever became of them. amount returns the amount in a value. Before the keys
// are written for the first time, all at once, none of them may be there.
//
// It needs no timestamps.
func Sums(h *History, keys []string, total int, amount func(value string) int) error {
	for _, t := range h.Transactions() {
		seen, wrote := map[string]int{}, map[string]bool{}
		read := func(key, value string, found bool) {
			if wrote[key] {
				return
			}
			if found {
				seen[key] = amount(value)
			} else {
				delete(seen, key)
			}
		}
		looked := map[string]bool{}
		for _, o := range t.Steps {
			switch o.Op {
			case Put, Delete:
				wrote[o.Key] = true
			case Get:
				looked[o.Key] = looked[o.Key] || !wrote[o.Key]
				read(o.Key, o.Value, o.Found)
			case Scan:
				for _, p := range o.Pairs {
					read(p.Key, p.Value, true)
				}
				for _, k := range keys {
					if o.covers(k) && !wrote[k] {
						looked[k] = true
					}
				}
			}
		}
		all, sum, there := true, 0, 0
		for _, k := range keys {
			all = all && looked[k]
			if n, found := seen[k]; found {
				sum += n
				there++
			}
		}
		if all && there > 0 && sum != total {
			return broken(RuleSum, "", fmt.Sprintf("%v has read all %d keys, and found %d in %d of them instead of %d in sum",
				t, len(keys), sum, there, total), &txn{Transaction: t})
		}
	}
	return nil
}

// covers reports whether the scan o says whether there is a key.
func (o *Operation) covers(key string) bool {
	if key < o.Key || o.Until != "" && key >= o.Until {
		return false
	}
	n := len(o.Pairs)
	return n < o.Limit || n > 0 && key <= o.Pairs[n-1].Key
}

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
		read := t.read(keys)
		sum, there, all := 0, 0, true
		for _, k := range keys {
			value, known := read[k]
			all = all && known
			if value != "" {
				sum += amount(value)
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

// read returns what t has read of keys before it wrote to them. An absent key has no
// value.
func (t *Transaction) read(keys []string) map[string]string {
	read, wrote := map[string]string{}, map[string]bool{}
	for _, o := range t.Steps {
		found := map[string]string{}
		switch o.Op {
		case Put, Delete:
			wrote[o.Key] = true
		case Get:
			found[o.Key] = o.Value
		case Scan:
			for _, p := range o.Pairs {
				found[p.Key] = p.Value
			}
		}
		for _, k := range keys {
			if !wrote[k] && (o.Op == Get && o.Key == k || o.Op == Scan && o.covers(k)) {
				read[k] = found[k]
			}
		}
	}
	return read
}

// covers reports whether the scan o says whether there is a key.
func (o *Operation) covers(key string) bool {
	if key < o.Key || o.Until != "" && key >= o.Until {
		return false
	}
	n := len(o.Pairs)
	return n < o.Limit || n > 0 && key <= o.Pairs[n-1].Key
}

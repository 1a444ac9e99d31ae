package check

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

// The rules of this file.
const (
	RuleLinearizable = "linearizable"
	RuleScan         = "scans see one moment"
	RuleUndecided    = "undecided"
)

// Linearizable returns a *Violation unless the operations of h could have
// happened one at a time, each between its beginning and its end. limit bounds
// the search, in real time: a search that did not come to an end is a violation
// that is Undecided.
func Linearizable(h *History, limit time.Duration) error {
	ops := h.Operations()
	if err := checkScans(ops); err != nil {
		return err
	}
	keys := byKey(ops)
	for _, key := range keys {
		k := newRegister(key.name, key.ops)
		if len(k.steps) == 0 {
			continue // nobody knows of any of its writes whether they happened
		}
		switch porcupine.CheckOperationsTimeout(registerModel, k.history(len(k.steps)), limit) {
		case porcupine.Ok:
		case porcupine.Unknown:
			return &Violation{Rule: RuleUndecided, Undecided: true, Found: fmt.Sprintf(
				"whether the %d operations on key %q are linearizable was not decided within %s", len(k.steps), key.name, limit)}
		default:
			return k.explain(limit)
		}
	}
	return checkMoments(ops, keys)
}

// checkScans checks what each scan must hold by itself.
func checkScans(ops []*Operation) error {
	for _, o := range ops {
		if o.Op != Scan {
			continue
		}
		bad := func(what string) error {
			return &Violation{Rule: RuleScan, Found: fmt.Sprintf("%v: %s", o, what)}
		}
		if len(o.Pairs) > o.Limit {
			return bad("more pairs than the limit")
		}
		for i, p := range o.Pairs {
			if p.Key < o.Key {
				return bad(fmt.Sprintf("it returned key %q, which is before its start", p.Key))
			}
			if i > 0 && p.Key <= o.Pairs[i-1].Key {
				return bad(fmt.Sprintf("it returned key %q after %q", p.Key, o.Pairs[i-1].Key))
			}
		}
		if n := len(o.Pairs); n > 0 && o.Until != "" && o.Pairs[n-1].Key >= o.Until {
			return bad(fmt.Sprintf("it returned key %q, which is not before its end, %q", o.Pairs[n-1].Key, o.Until))
		}
	}
	return nil
}

// keyed are the operations on one key.
type keyed struct {
	name string
	ops  []*Operation
}

// byKey takes a history apart: the operations on each key, a scan as a get of
// each key in its range.
func byKey(ops []*Operation) []*keyed {
	index := map[string]*keyed{}
	add := func(key string, o *Operation) {
		k := index[key]
		if k == nil {
			k = &keyed{name: key}
			index[key] = k
		}
		if o != nil {
			k.ops = append(k.ops, o)
		}
	}
	for _, o := range ops {
		if o.Op != Scan {
			add(o.Key, o)
		}
		for _, p := range o.Pairs {
			add(p.Key, nil)
		}
	}
	var keys []*keyed
	for _, k := range index {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b *keyed) int { return cmp.Compare(a.name, b.name) })
	for _, o := range ops {
		if o.Op != Scan {
			continue
		}
		for _, seen := range o.seen(keys) {
			read := *o
			read.Op, read.Key, read.Pairs = Get, seen.key.name, nil
			read.Value, read.Found = seen.value, seen.found
			seen.key.ops = append(seen.key.ops, &read)
		}
	}
	return keys
}

// A sight is what a scan says about one key.
type sight struct {
	key   *keyed
	value string
	found bool
}

// seen returns what the scan o says about each of keys, which are ascending. A
// scan that met its limit says nothing about what follows its last pair, and none
// says anything about where it did not look.
func (o *Operation) seen(keys []*keyed) []sight {
	var all []sight
	first, _ := slices.BinarySearchFunc(keys, o.Key, func(k *keyed, name string) int { return cmp.Compare(k.name, name) })
	pairs := o.Pairs
	for _, k := range keys[first:] {
		if len(pairs) == 0 && len(o.Pairs) >= o.Limit || o.Until != "" && k.name >= o.Until {
			break
		}
		s := sight{key: k}
		if len(pairs) > 0 && pairs[0].Key == k.name {
			s.value, s.found = pairs[0].Value, true
			pairs = pairs[1:]
		}
		all = append(all, s)
	}
	return all
}

// A register is the history of one key.
type register struct {
	key   string
	steps []*step
}

// A step is an operation on a register. Values are numbers, so that states of the
// model cost nothing to compare; 0 is an absent key.
type step struct {
	op     *Operation
	write  bool
	value  int
	call   int64
	result int64 // when it returned
	// nth counts the deletes with unknown outcome, from 1, by their calls.
	nth int
}

func newRegister(key string, ops []*Operation) *register {
	numbers := map[string]int{}
	number := func(value string) int {
		n := numbers[value]
		if n == 0 {
			n = len(numbers) + 1
			numbers[value] = n
		}
		return n
	}
	// When each value was first read for sure, and how many puts wrote it.
	seen, puts := map[int]int64{}, map[int]int{}
	r := &register{key: key}
	for _, o := range ops {
		s := &step{op: o, call: o.Call, result: o.Return}
		switch o.Op {
		case Put:
			s.write, s.value = true, number(o.Value)
			puts[s.value]++
		case Delete:
			s.write = true
		case Get:
			if o.Found {
				s.value = number(o.Value)
			}
			if at, ok := seen[s.value]; !ok || o.Return < at {
				seen[s.value] = o.Return
			}
		}
		r.steps = append(r.steps, s)
	}
	// Of writes with unknown outcome, there can be many, and each doubles the
	// search. One that put what nobody read need not have happened: between it
	// and the next write nobody looked. One that put what somebody read, and
	// alone did, has happened by then.
	r.steps = slices.DeleteFunc(r.steps, func(s *step) bool {
		if !s.op.Unknown() || s.op.Op != Put {
			return false
		}
		at, read := seen[s.value]
		if read && puts[s.value] == 1 && at > s.call {
			s.result = at
		}
		return !read
	})
	slices.SortStableFunc(r.steps, func(a, b *step) int {
		return cmp.Or(cmp.Compare(a.result, b.result), cmp.Compare(a.call, b.call))
	})
	nth := 0
	for _, s := range r.steps {
		if s.op.Op == Delete && s.op.Unknown() {
			nth++
			s.nth = nth
		}
	}
	return r
}

// history returns the first n steps for the checker. Steps that have not returned
// by then have not happened, or have an unknown outcome.
func (r *register) history(n int) []porcupine.Operation {
	all := make([]porcupine.Operation, 0, n)
	end := r.steps[n-1].result
	for i, s := range r.steps {
		result := s.result
		if i >= n {
			if !s.write || s.call > end {
				continue
			}
			result = Never
		}
		all = append(all, porcupine.Operation{ClientId: s.op.Client, Input: s, Call: s.call, Return: result})
	}
	return all
}

// A content is the state of a register: its value, and how many deletes with
// unknown outcome have happened. These are all alike but for when they were
// called. Where one of them can have happened, so can have one that was called
// before it: so it is enough to try them in that order, and a search that could
// try all their subsets does not.
type content struct{ value, deletes int }

var registerModel = porcupine.Model{
	Init: func() any { return content{} },
	Step: func(state, input, _ any) (bool, any) {
		s, now := input.(*step), state.(content)
		switch {
		case !s.write:
			return now.value == s.value, state
		case s.nth > 0:
			return s.nth == now.deletes+1, content{s.value, s.nth}
		}
		return true, content{s.value, now.deletes}
	},
	Hash: func(state any) uint64 {
		now := state.(content)
		return uint64(now.value)<<32 ^ uint64(now.deletes)
	},
}

// explain says what is wrong with a register that is not linearizable.
func (r *register) explain(limit time.Duration) error {
	// The fewest operations, by the time of their end, that cannot have
	// happened: the last of them is the one that must not have been.
	lo, hi := 1, len(r.steps)
	for lo < hi {
		mid := (lo + hi) / 2
		if porcupine.CheckOperationsTimeout(registerModel, r.history(mid), limit) == porcupine.Illegal {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	n := hi
	last := r.steps[n-1]
	v := &Violation{Rule: RuleLinearizable, At: last.op.End, Fate: r.around(n), Operations: []*Operation{last.op}}
	found, newest := r.stale(last)
	if newest != nil {
		v.Operations = append(v.Operations, newest.op)
	}
	if v.Found = found; found == "" {
		o := last.op
		v.Found = fmt.Sprintf("reads are not linearizable: key %q was %s at %.3fs by client %d, which no order of the operations before explains",
			r.key, did(last), o.End.Seconds(), o.Client)
	}
	return v
}

func did(s *step) string {
	switch s.op.Op {
	case Get:
		return "read as " + value(s.op.Value, s.op.Found)
	case Put:
		return fmt.Sprintf("put to %q", s.op.Value)
	}
	return "deleted"
}

// stale returns a sentence if the read s returned what had been overwritten for
// sure before it began, and by what, or what nobody wrote.
func (r *register) stale(read *step) (found string, newest *step) {
	if read.write {
		return "", nil
	}
	o := read.op
	what := fmt.Sprintf("key %q was read as %s at %.3fs by client %d", r.key, value(o.Value, o.Found), o.End.Seconds(), o.Client)
	written := o.Found
	over := int64(0) // when the last write of the value that was read was over
	for _, s := range r.steps {
		// What was called after the read was over cannot be what it read.
		if s.write && s.value == read.value && s.call < read.result {
			written = false
			over = max(over, s.result)
		}
	}
	if written {
		return what + ", which nobody ever wrote to it, or only in a request that was refused", nil
	}
	for _, s := range r.steps {
		if s.write && s.value != read.value && s.call > over && s.result < read.call && (newest == nil || s.call > newest.call) {
			newest = s
		}
	}
	if newest == nil {
		return "", nil
	}
	n := newest.op
	who := fmt.Sprintf("client %d's", n.Client)
	if n.Client == o.Client {
		who = "its own"
	}
	change := "delete"
	if n.Op == Put {
		change = fmt.Sprintf("put of %q", n.Value)
	}
	return fmt.Sprintf("%s, after %s %s was acknowledged at %.3fs", what, who, change, n.End.Seconds()), newest
}

// around shows the operations on the key that ended last before the first n did.
func (r *register) around(n int) string {
	const shown = 8
	var b strings.Builder
	fmt.Fprintf(&b, "operations on key %q:", r.key)
	if n > shown {
		fmt.Fprintf(&b, " (%d earlier ones left out)", n-shown)
	}
	for _, s := range r.steps[max(0, n-shown):n] {
		fmt.Fprintf(&b, "\n%v", s.op)
	}
	return b.String()
}

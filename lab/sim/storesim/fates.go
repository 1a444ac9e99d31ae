package storesim

import (
	"fmt"
	"sync"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/proto/eraftpb"
)

// The rules of fates.
const (
	RuleTrueAnswers = "a write that is answered as done was applied, and a refused one is never applied"
	RuleOnce        = "a write takes effect once"
)

// fates compares what stores answer to puts with what they write. It sees what a
// client may no longer hear, because it gave up.
//
// Clients write no value twice to a key, so that a put is known by its key and
// value. A client submits a put again only if it heard that it has had no effect
// so far. So at most one submission of a put takes effect, and none does if all
// were refused.
type fates struct {
	// repeats is set if a put may take effect again (Options.Transactions).
	repeats bool

	mu   sync.Mutex
	puts map[uint64]*put // by contribution
	// last is the highest index that any store has applied, by region.
	last map[uint64]uint64
	bad  *check.Violation
}

// A put is what became of one.
type put struct {
	open    int    // submissions that were not refused
	refusal string // the last one, or ""
	written bool   // some store has written it to its data
	index   uint64 // of its entry in the log, 0 if none was applied
}

func newFates(repeats bool) fates {
	return fates{repeats: repeats, puts: map[uint64]*put{}, last: map[uint64]uint64{}}
}

// put returns what became of the put with that contribution. The caller holds mu.
func (f *fates) put(contribution uint64) *put {
	p := f.puts[contribution]
	if p == nil {
		p = &put{}
		f.puts[contribution] = p
	}
	return p
}

// putsIn calls do for each put in ops. The caller holds mu.
func (f *fates) putsIn(ops []engine.Op, do func(op *engine.Op, p *put)) {
	for i := range ops {
		if op := &ops[i]; !op.Delete {
			do(op, f.put(contribution(place{op.CF, string(op.Key)}, op.Value)))
		}
	}
}

// submitted notes that a store is given a command.
func (f *fates) submitted(ops []engine.Op) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.putsIn(ops, func(_ *engine.Op, p *put) { p.open++ })
}

// wrote notes that a store has written a put to its data.
func (f *fates) wrote(contribution uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	p := f.put(contribution)
	p.written = true
	if p.open == 0 && p.refusal != "" {
		f.fail(0, RuleTrueAnswers, p.refusal+", and was applied after that")
	}
}

// applied notes that a store has applied entries of a region, and has written what
// they change.
func (f *fates) applied(region uint64, entries []*eraftpb.Entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, e := range entries {
		if e.Index <= f.last[region] {
			continue
		}
		f.last[region] = e.Index
		f.putsIn(raftstore.EntryOps(e), func(op *engine.Op, p *put) {
			switch {
			case !p.written: // The entry had no effect: the region has changed.
			case p.index == 0 || f.repeats:
				p.index = e.Index
			default:
				f.fail(0, RuleOnce, fmt.Sprintf("%s was applied at index %d and again at index %d%s", named(op), p.index, e.Index, because(p.refusal)))
			}
		})
	}
}

func because(refusal string) string {
	if refusal == "" {
		return ""
	}
	return "; its client had submitted it again because " + refusal
}

// answered notes how a store answers a command: done, or refused, or neither, which
// says nothing.
func (f *fates) answered(store uint64, ops []engine.Op, done bool, refusal *region.Error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.putsIn(ops, func(op *engine.Op, p *put) {
		switch {
		case done && !p.written:
			f.fail(store, RuleTrueAnswers, fmt.Sprintf("store %d answers that %s is done, but no store has applied it", store, named(op)))
		case refusal != nil:
			p.open--
			p.refusal = fmt.Sprintf("%s was refused on store %d (%s)", named(op), store, refusal.Err.GetMessage())
			if p.open == 0 && p.written {
				f.fail(store, RuleTrueAnswers, p.refusal+", although it was applied before")
			}
		}
	})
}

// named names a put.
func named(op *engine.Op) string {
	return fmt.Sprintf("the put of %q to key %q", shortened(string(op.Value)), op.Key)
}

// fail notes the first violation. It is about a store, or about the one that is being
// looked at if store is 0.
func (f *fates) fail(store uint64, rule, found string) {
	if f.bad == nil {
		f.bad = &check.Violation{Rule: rule, Store: store, Found: found}
	}
}

// violation returns the first violation, or nil.
func (f *fates) violation() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bad == nil {
		return nil
	}
	return f.bad
}

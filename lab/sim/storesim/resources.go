package storesim

import (
	"fmt"
	"slices"
	"strings"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/meter"
)

// The rules of resources.
const (
	RuleOpen     = "a store closes the iterators and snapshots that it opens"
	RuleLetsGo   = "a store keeps no file that it does not need, and ends its slow work"
	RuleSlowWork = "slow work is done by the executor, and is asked for once"
)

// maxTasks is the largest number of tasks of a region that may be with the
// executor at a time: there are four kinds of slow work, and one task of each is
// enough. The data of a peer that has left may be removed at the same time.
const maxTasks = 8

// background implements raftstore.Executor.
type background struct{ s *store }

func (b background) Go(work func() (done func())) {
	s := b.s
	s.shuffler.flush()
	s.tasks++
	if most := maxTasks * max(len(s.peers), len(s.data.states)); s.tasks > most {
		s.lie(RuleSlowWork, fmt.Sprintf("store %d has given its executor %d tasks, none of which has ended; no more than %d can be of use", s.id, s.tasks, most))
	}
	s.env.Go(func() func() {
		done := work()
		return func() {
			s.tasks--
			done()
		}
	})
}

// lie notes a violation that was seen in the middle of an event.
func (s *store) lie(rule, found string) {
	if s.lied == nil && !s.dead() {
		s.lied = &check.Violation{Rule: rule, Found: found}
	}
}

// inPass notes that the store does something that takes time, and may not do it
// in a pass.
func (s *store) inPass(what string) {
	if s.mustNotWait() {
		s.lie(RuleSlowWork, fmt.Sprintf("store %d %s in a pass, for whose end all regions wait", s.id, what))
	}
}

// mustNotWait reports whether the store may do no slow work now.
func (s *store) mustNotWait() bool { return s.passing && s.system.opts.Background }

// An observed engine is what a store has of one of its engines.
type observed struct {
	engine.Engine
	s    *store
	name string
}

func (o observed) Write(b *engine.Batch, sync bool) error {
	if sync && o.name == "kv" {
		o.s.inPass("syncs its kv engine")
	}
	err := o.seen(o.Engine.Write(b, sync))
	if err == nil && sync && o.name == "raft" {
		o.s.tellSynced()
	}
	return err
}

func (o observed) Sync() error {
	if o.name == "kv" {
		o.s.inPass("syncs its kv engine")
	}
	err := o.seen(o.Engine.Sync())
	if err == nil && o.name == "raft" {
		o.s.tellSynced()
	}
	return err
}

// DeleteRange is slow work if there is something to delete: a peer that is born may make
// sure that nothing is there.
func (o observed) DeleteRange(cf engine.CF, r engine.Range) error {
	if o.s.mustNotWait() && !o.isEmpty(cf, r) {
		o.s.inPass("deletes a range of keys in its " + o.name + " engine")
	}
	return o.seen(o.Engine.DeleteRange(cf, r))
}

// isEmpty reports whether the engine has no key in r.
func (o observed) isEmpty(cf engine.CF, r engine.Range) bool {
	it, err := o.Engine.Iterate(cf, r)
	if err != nil {
		return true // it will not delete anything either
	}
	it.Seek(nil)
	empty := !it.Valid()
	return it.Close() != nil || empty
}

func (o observed) seen(err error) error {
	if errors.Cause(err) == engine.ErrDiskFull {
		o.s.env.Reach(DiskWasFull)
	}
	return err
}

// watchOpen checks that s has nothing open in its engines, unless it may need it
// for a request that waits, or for slow work.
func watchOpen(s *store) error {
	if n, _ := s.answers.Open(); n > 0 || s.tasks > 0 {
		return nil
	}
	for _, e := range []struct {
		name string
		*meter.Engine
	}{{"raft", s.raft}, {"kv", s.kv}} {
		if open := e.Open(); len(open) > 0 {
			return &check.Violation{Rule: RuleOpen, Found: fmt.Sprintf(
				"no request waits on store %d, and it has no slow work, but %d iterators and snapshots of its %s engine are open, the first of them %s",
				s.id, len(open), e.name, open[0])}
		}
	}
	return nil
}

// leaks looks for what stores hold although nothing is left to do.
type leaks struct {
	// found is what was found last, and looks is how often in a row.
	found string
	looks int
	bad   *check.Violation
}

// maxLooks is how often, a tick apart, stores may be found to hold something. A
// store whose disk is slow may have a file that it has received and not looked at
// yet.
const maxLooks = 40

// look says what the stores of a settled system hold, "" if nothing.
func (l *leaks) look(y *System, stores []*store) string {
	var all []string
	for _, s := range stores {
		all = append(all, s.holds()...)
	}
	found := strings.Join(all, "; ")
	if found != l.found {
		l.found, l.looks = found, 0
	}
	if l.looks++; found != "" && l.looks > maxLooks {
		l.bad = &check.Violation{Rule: RuleLetsGo, Found: "no request is left, and all replicas agree, but " + found}
	}
	return found
}

func (l *leaks) violation() error {
	if l.bad == nil {
		return nil
	}
	return l.bad
}

// holds says what a store holds that has nothing to do. It may keep one snapshot
// file for each region: the last one that it made.
func (s *store) holds() []string {
	var all []string
	for _, r := range []struct {
		n    int
		what string
	}{
		{s.tasks, "tasks that its executor has not ended"},
	} {
		if r.n > 0 {
			all = append(all, fmt.Sprintf("store %d has %d %s", s.id, r.n, r.what))
		}
	}
	names, err := s.files.List()
	if err != nil {
		return all // the disk is gone
	}
	for _, p := range s.peers {
		prefix := fmt.Sprintf("%d-", p.region)
		own := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return !strings.HasPrefix(name, prefix) })
		names = slices.DeleteFunc(names, func(name string) bool { return strings.HasPrefix(name, prefix) })
		if len(own) > 1 {
			all = append(all, fmt.Sprintf("store %d has %d snapshot files of region %d, of which it can need one: %s", s.id, len(own), p.region, strings.Join(own, ", ")))
		}
	}
	if len(names) > 0 {
		all = append(all, fmt.Sprintf("store %d has snapshot files of regions of which it has no peer: %s", s.id, strings.Join(names, ", ")))
	}
	return all
}

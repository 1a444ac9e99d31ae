package scheduler

import (
	"slices"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// patrolLength is the number of regions that one tick checks. A small cluster is
// checked as a whole; in a large one, most regions are checked with their
// heartbeats.
const patrolLength = 128

// Tick lets time pass: it is to be called about every 100 ms. It ends operators
// whose time is over, looks for what should change, and makes tombstones of
// offline stores that are empty. The orders that follow wait for the heartbeats
// of their regions. An error means that the disk is broken.
//
// The time between two calls counts as no more than half of
// Options.StoreDisconnectTime, and never as less than nothing: a clock that jumps,
// or a process that was suspended, makes no store look dead.
func (s *Scheduler) Tick() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.cfg.Now()
	s.uptime += min(max(now.Sub(s.lastTick), 0), s.options.StoreDisconnectTime/2)
	s.lastTick = now

	if s.state.cluster == nil {
		return nil
	}
	s.expire()
	if err := s.bury(); err != nil {
		return err
	}
	if err := s.inspect(); err != nil {
		return err
	}
	if s.warmUp(); !s.warm {
		return nil
	}
	if err := s.startAny(s.balanceRegions()); err != nil {
		return err
	}
	return s.startAny(s.balanceLeaders())
}

// warmUp finds out whether the balancers may begin: a scheduler that has restarted
// knows the loads of its stores only when every region has sent a heartbeat. Until
// then stores look emptier than they are, and not all to the same degree.
func (s *Scheduler) warmUp() {
	if s.warm {
		return
	}
	s.warm = s.uptime > s.options.WarmUpTime || s.regions.whole() && s.regions.heard()
	if s.warm {
		s.log.Info("balancing begins", "regions", s.regions.len())
	}
}

// expire ends operators that can no longer succeed: as TIMEOUT those whose
// deadline has passed, and as CANCEL those that are still to bring something to a
// store (incoming) that is disconnected, or no longer up. It goes through them in
// the order of their regions' ids. Free is whether an operator goes on that has brought
// such a store something already.
//
//lab:implement 3C quiet
func (s *Scheduler) expire() {
	out := func(id uint64) bool {
		info := s.stores[id]
		return s.disconnected(info) || info.meta.State != metapb.StoreState_Up
	}
	for _, o := range s.operators.sorted() {
		switch {
		case s.uptime > o.deadline:
			s.end(o, schedulerpb.OperatorStatus_TIMEOUT, "it took too long")
		case slices.ContainsFunc(o.incoming(), out):
			s.end(o, schedulerpb.OperatorStatus_CANCEL, "a store that takes part is no longer in service")
		}
	}
}

// bury makes tombstones of the offline stores that are empty: no region has a peer
// there. That is certain only if no key is without a known region (whole), and if
// every known region has sent a heartbeat since Open (heard): records of regions are
// not synced, so what a restart finds on the disk may be older than the arrival of a
// peer.
//
//lab:implement 3C quiet
func (s *Scheduler) bury() error {
	for _, info := range s.sortedStores() {
		id := info.id()
		if info.meta.State != metapb.StoreState_Offline || s.regions.on(id).peers.Len() > 0 ||
			!s.regions.whole() || !s.regions.heard() {
			continue
		}
		if _, err := s.moveStore(id, metapb.StoreState_Tombstone); err != nil {
			return err
		}
		s.log.Info("store is a tombstone", "store", id)
	}
	return nil
}

// inspect checks the next regions, in the order of their keys, and begins again
// after the last one.
func (s *Scheduler) inspect() error {
	if s.full(opReplica) {
		return nil
	}
	n := 0
	from := s.patrol
	s.patrol = nil
	for r := range s.regions.byKey.Within(engine.Range{Start: from}) {
		if n == patrolLength {
			s.patrol = r.StartKey
			break
		}
		n++
		if err := s.repair(s.regions.byID[r.Id]); err != nil {
			return err
		}
	}
	return nil
}

// repair starts an operator for r, if it needs one and has none.
func (s *Scheduler) repair(r *regionInfo) error {
	if s.operators.running[r.meta.Id] != nil || s.full(opReplica) {
		return nil
	}
	return s.startAny(s.checkReplicas(r))
}

// startAny starts an operator that a checker or a balancer has made, if there is
// one, for a region that has none.
func (s *Scheduler) startAny(o *operator) error {
	if o == nil {
		return nil
	}
	return s.start(o)
}

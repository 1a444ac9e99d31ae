package raftstore

// passSize is the largest number of runnables that share a pass, and thus a sync.
const passSize = 64

// Pass runs one pass over some of the peers that have something to do, and
// reports whether there were any. A simulator calls it until it returns false;
// Run calls it for a program.
func (s *Store) Pass() bool {
	taken := s.queue.take(passSize)
	if len(taken) == 0 {
		return false
	}
	s.pass(taken)
	return true
}

// pass handles what came to the lobby and the events of peers, and then what their nodes want done: save,
// send, apply, in that order, as Raft demands. The peers share each write. Two
// steps come before the save, because they do not depend on it and others wait
// for them: a leader's appends are sent, and entries that an earlier pass has
// saved and that are committed by now are applied.
//
// If a write fails, the pass ends there: a later pass does those halves of the
// tasks that are not done yet.
func (s *Store) pass(taken []runnable) {
	s.passes.RLock()
	defer s.passes.RUnlock()
	defer s.queue.release(taken)
	busy := make([]*peer, 0, len(taken)) // with a task that can go on
	for _, r := range taken {
		p, ok := r.(*peer)
		if !ok {
			s.lobby.work()
			continue
		}
		waited := p.task != nil
		if p.handleEvents(); p.dying {
			continue
		}
		p.takeReady()
		if !waited {
			// Raft has decided about every snapshot that came.
			p.snapshots.sweep()
			p.releaseClaim()
		}
		if p.task != nil && !p.installing {
			busy = append(busy, p)
			p.sendAppends()
		}
	}
	done := s.applyAll(busy, (*peer).appliesFirst) &&
		s.saveAll(busy) &&
		s.applyAll(busy, func(*peer) bool { return true })
	if !done {
		return
	}
	for _, p := range busy {
		p.finish()
		p.noteDraft()
	}
}

// saveAll saves the tasks of peers, durably if one of them asks for it, and
// sends their messages. It reports whether the pass may go on.
func (s *Store) saveAll(peers []*peer) bool {
	w := writer{store: s, engine: s.cfg.RaftEngine}
	var saving []*peer
	for _, p := range peers {
		if !p.task.saved {
			p.save(&w)
			saving = append(saving, p)
		}
	}
	if !w.flush() {
		return false
	}
	for _, p := range saving {
		p.task.saved = true
		p.saved()
	}
	return true
}

// applyAll applies the tasks of the peers that are ready for it, and answers
// their clients. It reports whether the pass may go on.
func (s *Store) applyAll(peers []*peer, ready func(*peer) bool) bool {
	w := writer{store: s, engine: s.cfg.KVEngine}
	var appliers []*applier
	for _, p := range peers {
		if p.task.applied || !ready(p) {
			continue
		}
		a := p.apply()
		for i := range a.parts {
			w.add(&a.parts[i], false)
		}
		appliers = append(appliers, a)
	}
	if !w.flush() {
		return false
	}
	for _, a := range appliers {
		a.peer.task.applied = true
		if s.cfg.Applied != nil {
			s.cfg.Applied(a.peer.region().Id, a.peer.id, a.peer.task.rd.CommittedEntries)
		}
		a.peer.takeOver(a)
	}
	return true
}

package raftstore

import (
	"maps"
	"slices"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// How peers end. A peer that has applied its own removal goes on: its region stays as it
// is, and it does not campaign, but it follows a leader, applies writes, and votes. It has
// to. Members that have not applied the removal yet still count it, and in a group of two
// the other one could never win an
// election without it. So a peer ends when a store knows that the group can do without
// it, because the removal is durable there:
//
//   - a member answers a message of a peer that is no longer a member;
//   - the leader that has removed it says goodbye;
//   - a message is for a later peer of the region on the same store;
//   - the scheduler, whom a peer asks that has been on its own for long, knows
//     later members.
//
// The last one is for peers whose former fellows have all left: nobody is there to
// answer them.

// isInitialized reports whether p has data, and knows its region. A peer that was created
// for a message does not: it gets both with its first snapshot.
func (p *peer) isInitialized() bool { return p.region().RegionEpoch != nil }

// epoch returns the latest epoch of the region that p knows of.
func (p *peer) epoch() *metapb.RegionEpoch {
	if p.isInitialized() {
		return p.region().RegionEpoch
	}
	return p.seen
}

// meet handles a message of another store that disagrees with p about who is a member
// (disagrees), and reports whether the message is for Raft.
//
// Of two peers of one region on one store, the one with the higher id is the later one:
// ids ascend. Of two epochs of a region, the one with the greater conf_ver has the later
// members.
//
//   - A message for a later peer proves that p was removed: p ends (destroy). The message is
//     lost, and its sender repeats it.
//   - A message with is_tombstone ends p if it is for p, and its sender knows later members,
//     or p has applied its own removal. Otherwise it is late, and changes nothing.
//   - A sender that is no member, as p knows the members, is told so (farewell) if it knows
//     earlier members than p. The message is not for Raft: it might depose the leader. A
//     sender that asks to leave is told if it knows the same members, too: it has
//     applied its removal. What the flag says is no proof, and a sender with later members may
//     have been added since.
//   - A peer without data knows no members, and tells no sender anything.
//   - A message with is_tombstone or asks_to_leave is never for Raft. Every other one is: that
//     of a member that lags, that of a sender with later members, from which p learns of them,
//     and that for a removed p, which votes. Whether a removed p tells others, too, is free.
//
//lab:implement 3B
func (p *peer) meet(m *raftserverpb.RaftMessage) bool {
	// The epoch of a peer that asks to leave has its removal already.
	var asks uint64
	if m.AsksToLeave {
		asks = 1
	}
	switch {
	case m.ToPeer.GetId() > p.id:
		// p was removed, and its successor is wanted here. The sender will repeat it.
		p.destroy("a later peer is wanted here")
		return false
	case m.IsTombstone:
		if m.ToPeer.GetId() == p.id && (m.RegionEpoch.GetConfVer() > p.epoch().GetConfVer() || !p.isMember()) {
			p.destroy("a member says that it was removed")
		}
		return false
	case p.isInitialized() && region.Peer(p.region(), m.FromPeer.GetId()) == nil &&
		m.RegionEpoch.GetConfVer() < p.region().RegionEpoch.ConfVer+asks:
		p.farewell(m.FromPeer)
		return false
	}
	return !m.AsksToLeave
}

// isMember reports whether p is a member of its region as it has applied it. A peer
// without data is one: somebody has said so.
func (p *peer) isMember() bool {
	return !p.isInitialized() || region.Peer(p.region(), p.id) != nil
}

// farewell tells peers that were removed from the region that they were, once the
// removal is durable here. If a crash could undo it, a member might need a vote that is
// gone.
//
// Those who are to be told wait in p.leaving, up to maxLeaving. If conf_ver is durable
// (p.durableMembers), they are sent a message with is_tombstone, region_epoch, from_peer and
// to_peer. Otherwise the kv engine is synced in the background first: p.syncing is true
// meanwhile. If the sync fails, no peer is told. handleEvents calls farewell again after ticks
// as long as peers are leaving; that is safe, because after a sync that failed the engine's
// later ones fail, too (engine.SyncError).
//
//lab:implement 3B
func (p *peer) farewell(removed ...*metapb.Peer) {
	for _, to := range removed {
		if to.GetStoreId() != 0 && len(p.leaving) < maxLeaving {
			p.leaving = append(p.leaving, to)
		}
	}
	version := p.region().RegionEpoch.ConfVer
	switch {
	case len(p.leaving) == 0 || p.syncing:
	case p.durableMembers >= version:
		for _, to := range p.leaving {
			p.store.cfg.Transport.Send(&raftserverpb.RaftMessage{
				RegionId:    p.region().Id,
				RegionEpoch: p.region().RegionEpoch,
				FromPeer:    &metapb.Peer{Id: p.id, StoreId: p.store.cfg.StoreID},
				ToPeer:      to,
				IsTombstone: true,
			})
		}
		p.leaving = nil
	default:
		p.syncing = true
		kv := p.store.cfg.KVEngine
		p.inBackground(func() func(*peer) {
			err := kv.Sync()
			return func(p *peer) {
				p.syncing = false
				if err == nil {
					p.durableMembers = max(p.durableMembers, version)
					p.farewell()
				}
			}
		})
	}
}

// maxLeaving bounds the farewells that wait for a sync. Who gets none asks again.
const maxLeaving = 64

// watchGroup counts the ticks for which the peer is on its own, and has it ask if they
// become many. A peer that has applied its own removal always is. A member of a static
// cluster has nothing to ask: it campaigns, or leads, and so hears what there is to hear.
func (p *peer) watchGroup(ticks int) {
	p.clock += ticks
	if p.node.BasicStatus().RaftState == raft.StateLeader && p.hearsMajority() {
		p.alone = 0
	}
	if p.alone += ticks; p.alone < suspectAfter*p.store.cfg.ElectionTicks {
		return
	}
	p.alone = 0
	if p.store.cfg.Scheduler != nil || !p.isInitialized() || !p.isMember() {
		p.askToLeave()
	}
}

// noteContact notes that Raft has taken a message. The leader of a group that has moved on
// without it does not step down: it hears nobody. And a peer without data never campaigns,
// so that it goes on to name the last leader.
func (p *peer) noteContact(m *eraftpb.Message) {
	switch status := p.node.BasicStatus(); {
	case status.RaftState == raft.StateLeader:
		if p.heard == nil {
			p.heard = map[uint64]int{}
		}
		if region.Peer(p.region(), m.From) != nil {
			p.heard[m.From] = p.clock
		}
	case m.From == status.Lead && p.isMember():
		p.alone = 0
	}
}

// hears reports whether a leader has had a message of another member not long ago.
func (p *peer) hears(member uint64) bool {
	at, ever := p.heard[member]
	return ever && p.clock-at <= p.store.cfg.ElectionTicks
}

// hearsMajority reports whether a leader hears a majority of the members, with itself.
func (p *peer) hearsMajority() bool {
	members := p.region().Peers
	hears := 0
	for _, member := range members {
		if member.Id == p.id || p.hears(member.Id) {
			hears++
		}
	}
	return hears > len(members)/2
}

// suspectAfter is the number of election timeouts on its own after which a peer
// asks whether it still is a member.
const suspectAfter = 5

// askToLeave asks whether the group can do without the peer, which has been on its own
// for long: it has applied its removal, or was removed and cannot know it. The answer may
// be lost, or be no: then watchGroup has it ask again.
//
// It asks the scheduler, if there is one, for the region (FindRegion). And it asks other
// peers, with asks_to_leave: one that was removed asks the members that it knows, one without
// data those that have sent it something (p.senders). A member need not ask them. It
// campaigns, or leads, so they hear from it anyway, and answer (meet).
//
//lab:implement 3B
func (p *peer) askToLeave() {
	if p.store.cfg.Scheduler != nil {
		p.store.cfg.Scheduler.FindRegion(p.region().Id)
	}
	members := p.region().Peers
	switch {
	case !p.isInitialized():
		members = nil // those that it knows of
		for _, id := range slices.Sorted(maps.Keys(p.senders)) {
			members = append(members, p.senders[id])
		}
	case p.isMember():
		return // it campaigns, or leads: the members hear from it anyway
	}
	for _, member := range members {
		p.store.cfg.Transport.Send(&raftserverpb.RaftMessage{
			RegionId:    p.region().Id,
			RegionEpoch: p.epoch(),
			FromPeer:    &metapb.Peer{Id: p.id, StoreId: p.store.cfg.StoreID},
			ToPeer:      member,
			AsksToLeave: true,
		})
	}
}

// found takes the scheduler's answer, which may be nil. What the scheduler knows may be
// outdated: the peer ends (destroy) if it is not in r, and r is not earlier, by conf_ver, than
// what the peer knows (p.epoch). The scheduler can be believed: a leader reports a removal
// only when it is durable there (reportToScheduler).
//
//lab:implement 3B
func (p *peer) found(r *metapb.Region) {
	if r.GetRegionEpoch().GetConfVer() >= p.epoch().GetConfVer() && region.Peer(r, p.id) == nil {
		p.destroy("the scheduler knows later members")
	}
}

// destroy begins to end p: it can no longer be reached, and its data are deleted. What
// it has under way in the background comes to its end first.
func (p *peer) destroy(reason string) {
	if p.dying {
		return
	}
	p.dying = true
	p.store.directory.leave(p.region().Id)
	p.logger.Info("removing the peer", "reason", reason)
	p.proposals.abandon(storage.ErrOutcomeUnknown)
	p.reads.abandon(region.RegionNotFound(p.region().Id))
	p.leaving = nil
	p.clearAway()
}

// clearAway writes the tombstone of p and deletes all else, in the background. The
// tombstone comes first. It is durable before anything is deleted, and has the range as
// long as there may be data: after a crash, Open continues.
//
// While other tasks are under way it waits for their end, and while the disk is full for
// a tick.
func (p *peer) clearAway() {
	if p.background > 0 {
		return
	}
	if len(p.births)+len(p.orphans) > 0 || p.born == nil && p.store.directory.isSplitOff(p.region().Id) {
		p.resting = true
		return
	}
	for _, id := range p.expects {
		p.store.directory.forget(id)
	}
	p.expects = nil
	remains := p.region()
	switch {
	case p.isInitialized():
	case p.born != nil:
		remains = p.born.Region
	case p.claimed != nil:
		remains = p.claimed
	}
	w := writer{store: p.store, engine: p.store.cfg.KVEngine}
	w.add(tombstone(remains, p.id), false)
	if !w.flush() {
		p.resting = true
		return
	}
	p.snapshots.removeAll()
	cfg := &p.store.cfg
	p.inBackground(func() func(*peer) {
		err := cfg.bury(remains, p.id)
		return func(p *peer) {
			switch {
			case errors.Cause(err) == engine.ErrDiskFull:
				p.resting = true
				p.store.writeFailed(err)
			case err != nil:
				p.store.stop(errors.Annotatef(err, "region %d: cannot remove the peer", p.region().Id))
			default:
				p.gone = true
				p.store.directory.remove(p, remains)
				for _, e := range p.inbox.close() {
					p.refuse(e)
				}
				p.snapshots.sweep()
				p.logger.Info("removed the peer")
			}
		}
	})
}

// handleLastEvents handles what comes to a peer that is being removed.
func (p *peer) handleLastEvents() {
	events, ticks, more := p.inbox.drain(maxPassBytes)
	if more {
		p.store.queue.wake(p)
	}
	for _, e := range events {
		if e.do != nil {
			e.do(p)
		} else {
			p.refuse(e)
		}
	}
	p.snapshots.sweep()
	if ticks > 0 {
		p.goOn()
	}
	p.resting = p.resting && ticks == 0
	if p.background == 0 && !p.resting && !p.gone {
		p.clearAway()
	}
}

// refuse handles an event that comes too late for p.
func (p *peer) refuse(e event) {
	e.refuse(region.RegionNotFound(p.region().Id))
	if meta := e.message.GetMessage().GetSnapshot().GetMetadata(); meta != nil {
		p.snapshots.receive(SnapshotName(e.message.RegionId, meta))
	}
}

// tombstone returns the part that says that a peer is gone for good. As long as r has an
// epoch, data in its range are still to be deleted.
func tombstone(r *metapb.Region, peerID uint64) *engine.Batch {
	var part engine.Batch
	put(&part, cfMeta, stateKey(r.Id), &raftserverpb.RegionState{Region: r, PeerId: peerID, Tombstone: true})
	return &part
}

// bury deletes what is left of a peer whose tombstone was written, and then says so in
// the tombstone.
func (c *Config) bury(r *metapb.Region, peerID uint64) error {
	if err := c.KVEngine.Sync(); err != nil {
		return err
	}
	if err := c.clear(r); err != nil {
		return err
	}
	var log engine.Batch
	log.Delete(cfRaft, stateKey(r.Id))
	if err := c.RaftEngine.Write(&log, true); err != nil {
		return err
	}
	return c.KVEngine.Write(tombstone(&metapb.Region{Id: r.Id}, peerID), true)
}

// buryOrphan is bury for a peer that a split did not create. It never had a log: what the
// raft engine has of the region is of a later peer. (Such a tombstone is known by its
// applied index.)
func (c *Config) buryOrphan(r *metapb.Region, peerID uint64) error {
	if err := c.KVEngine.Sync(); err != nil {
		return err
	}
	if err := c.clearData(r); err != nil {
		return err
	}
	return c.KVEngine.Write(tombstone(&metapb.Region{Id: r.Id}, peerID), true)
}

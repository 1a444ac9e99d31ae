package raftstore

import (
	"fmt"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// How regions change. A split and a change of the members are entries of the log: every
// replica comes to them in the same state, and decides alike whether they fit. What they
// change is in the same part of the kv engine as the applied index; what follows from it
// happens after the write (takeOver): the Raft node learns of its members, the right
// half of a split gets its peer.

// administer handles a request to change the region. What fits is proposed (proposeCommand),
// and answered when the entry is applied: a proposal's done has only the error, and what has
// become of the region is in p.changed at that moment.
//
// A leader that is to be removed may hand over first, and refuse with region.Busy: whoever
// asked asks the next leader, once there is one. Or it may propose its removal like any other.
//
//lab:implement 3B
func (p *peer) administer(a *Admin) {
	err := p.leads(a.Context)
	if err == nil {
		err = a.check()
	}
	if err != nil {
		a.Done(nil, err)
		return
	}
	if a.TransferLeader != nil {
		a.Done(p.transferLeader(a))
		return
	}
	c := &raftserverpb.Command{Epoch: a.Context.RegionEpoch, Split: a.Split, ChangePeer: a.ChangePeer}
	if _, err := evolve(p.region(), c); err != nil {
		a.Done(nil, err)
		return
	}
	if c.ChangePeer != nil && c.ChangePeer.Type == eraftpb.ConfChangeType_RemoveNode && c.ChangePeer.Peer.Id == p.id {
		// Without its leader the group would stand still for an election, and those
		// who miss the last message of the leader for longer.
		p.handOver()
		a.Done(nil, region.Busy("the peer to be removed leads the region, and hands over first"))
		return
	}
	index, term, err := p.proposeCommand(c)
	if err != nil {
		a.Done(nil, p.refusal(err))
		return
	}
	p.proposals.add(proposal{index: index, term: term, done: func(err error) {
		if err != nil {
			a.Done(nil, err)
			return
		}
		a.Done(p.changed, nil)
	}})
}

// proposeCommand proposes a command that changes the region. A change of the members is
// an entry of a kind of its own, because it concerns Raft, too.
func (p *peer) proposeCommand(c *raftserverpb.Command) (index, term uint64, err error) {
	data, err := proto.Marshal(c)
	if err != nil {
		return 0, 0, err
	}
	if change := c.ChangePeer; change != nil {
		return p.node.ProposeConfChange(&eraftpb.ConfChange{ChangeType: change.Type, NodeId: change.Peer.GetId(), Context: data})
	}
	return p.node.Propose(data)
}

// transferLeader asks Raft to make another member the leader.
//
//lab:implement 3B
func (p *peer) transferLeader(a *Admin) ([]*metapb.Region, error) {
	r, epoch := p.region(), a.Context.RegionEpoch
	if err := region.Check(r, epoch); err != nil {
		return nil, err
	}
	if err := region.CheckMembers(r, epoch); err != nil {
		return nil, err
	}
	to := a.TransferLeader
	if member := region.Peer(r, to.Id); member == nil || member.StoreId != to.StoreId {
		return nil, region.Invalid(fmt.Sprintf("region %d has no peer %d on store %d that could lead it", r.Id, to.Id, to.StoreId))
	}
	p.node.TransferLeader(to.Id)
	return []*metapb.Region{r}, nil
}

// handOver makes the member the leader that needs the least for it, of those that answer.
//
//lab:private
func (p *peer) handOver() {
	var to, match uint64
	var answers bool
	progress := p.node.Status().Progress
	for _, member := range p.region().Peers {
		if member.Id == p.id {
			continue
		}
		m, a := progress[member.Id].Match, p.hears(member.Id)
		if to == 0 || a && !answers || a == answers && m > match {
			to, match, answers = member.Id, m, a
		}
	}
	p.node.TransferLeader(to)
}

// evolve returns what a command makes of r: the region itself with other members, or the
// two halves of a split. Like region.Check it is called twice, at the proposal and at the
// apply, and only the second call decides: between the two, another command may have
// changed the region.
//
//lab:implement 3B
func evolve(r *metapb.Region, c *raftserverpb.Command) ([]*metapb.Region, error) {
	if err := region.CheckMembers(r, c.Epoch); err != nil {
		return nil, err
	}
	if change := c.ChangePeer; change != nil {
		with := region.Add
		switch change.Type {
		case eraftpb.ConfChangeType_AddNode:
		case eraftpb.ConfChangeType_RemoveNode:
			with = region.Remove
		default: // Raft would do nothing
			return nil, region.Invalid(fmt.Sprintf("no change of the members of region %d is of type %d", r.Id, change.Type))
		}
		changed, err := with(r, change.Peer)
		return []*metapb.Region{changed}, err
	}
	if err := region.Check(r, c.Epoch); err != nil {
		return nil, err
	}
	if c.Split == nil {
		return nil, region.Invalid("the request asks for no change")
	}
	left, right, err := region.Split(r, c.Split.Key, c.Split.NewRegionId, c.Split.NewPeerIds)
	return []*metapb.Region{left, right}, err
}

// A change is what an entry makes of the region itself. The functions that evaluate an entry
// leave it in applier.next, and add takes it from there for the entry that it adds: next is
// empty when the next entry is evaluated.
type change struct {
	// region is the region after the entry, nil if it stays as it was. It becomes that of
	// the applied state.
	region *metapb.Region
	// others are the states of other regions that begin with the entry. Their records are
	// in the same part as the applied index, each with up to maxStateSize bytes.
	others []*raftserverpb.RegionState
	// effect follows once all of it is written, in takeOver, before the proposer of the
	// entry is answered. It may be nil.
	effect func()
}

// changeMembers evaluates an entry that changes the members: its data are a ConfChange, whose
// context is the Command. The effect tells Raft, sets p.changed, and calls membersChanged.
//
// The contract of Raft is that it hears of each ConfChange, with NodeId 0 of one that has no
// effect (RawNode.ApplyConfChange).
//
//lab:implement 3B
func (a *applier) changeMembers(e *eraftpb.Entry) error {
	p := a.peer
	cc, c := &eraftpb.ConfChange{}, &raftserverpb.Command{}
	a.decode(e, e.Data, cc)
	a.decode(e, cc.Context, c)
	regions, err := a.evolve(c)
	if err != nil {
		// Raft hears of each change, also of one that comes to nothing.
		a.next.effect = func() { p.node.ApplyConfChange(&eraftpb.ConfChange{}) }
		return err
	}
	before, after := a.state.Region, regions[0]
	a.next = change{region: after, effect: func() {
		p.node.ApplyConfChange(cc)
		p.changed = regions
		p.membersChanged(before, after)
	}}
	return nil
}

// membersChanged follows a change of the members. The directory learns of it (moved), and so
// does the scheduler (p.report.due). A leader says farewell to a peer that was removed; that
// peer may also find out by itself (askToLeave).
//
//lab:implement 3B
func (p *peer) membersChanged(before, after *metapb.Region) {
	p.senders = nil
	p.report.due = true
	p.store.directory.moved(before, after)
	for _, member := range before.Peers {
		if region.Peer(after, member.Id) != nil {
			continue
		}
		delete(p.heard, member.Id)
		p.logger.Info("a member was removed", "member", member.Id, "store", member.StoreId)
		if member.Id != p.id && p.led {
			p.farewell(member)
		}
	}
}

// split evaluates an entry that splits the region. Both halves are in one part with the
// applied index. A crash between them would lose the data of the right half, or leave
// them in two regions.
//
// The right half may have no peer here: it was removed before this store came to the
// split. Then the data are deleted, and the tombstone says so until they are.
//
// The directory has to know of a split before anything else happens to the right half:
//
//  1. Before the write, expect announces the right half, and reports whether its peer can be
//     born. p.expects has the region's id until the write has succeeded: if p is removed
//     before, clearAway takes the announcement back. The entry may be evaluated again, after a
//     full disk.
//  2. The right half's state, firstState, is in others. If its peer cannot be born, the state
//     is a tombstone of lastBuried, and keeps its applied index: by that Open tells it from the
//     tombstone of a peer that had a log (buryOrphan).
//  3. The effect empties p.expects, makes two ranges of one (directory.split), sets p.changed,
//     halves the size (p.size.split), and has both regions reported (p.report.due).
//  4. Then it leaves the rest to goOn: a birth to p.births, or a region without a peer to
//     p.orphans, whose data are deleted in the background. goOn is called again after ticks.
//
//lab:implement 3B
func (a *applier) split(c *raftserverpb.Command) error {
	regions, err := a.evolve(c)
	if err != nil {
		return err
	}
	p, left, right := a.peer, regions[0], regions[1]
	state := firstState(right, region.PeerOn(right, p.store.cfg.StoreID))
	born := p.store.directory.expect(right.Id, state.PeerId)
	p.expects = append(p.expects, right.Id)
	if state.Tombstone = !born; !born {
		state.PeerId = p.store.directory.lastBuried(right.Id, state.PeerId)
	}
	a.next = change{region: left, others: []*raftserverpb.RegionState{state}, effect: func() {
		p.changed = regions
		p.store.directory.split(left, right, born)
		p.expects = nil
		p.size.split()
		p.report.due = true
		if born {
			p.births = append(p.births, birth{state, p.size, p.led})
		} else {
			p.orphans = append(p.orphans, right)
		}
		p.goOn()
	}}
	return nil
}

// evolve returns what c makes of the region at this place of the log. A peer that was
// removed splits no more and changes no members, though it still applies writes: its region
// is deleted as it was when the peer was removed.
func (a *applier) evolve(c *raftserverpb.Command) ([]*metapb.Region, error) {
	if region.Peer(a.state.Region, a.peer.id) == nil {
		return nil, region.RegionNotFound(a.state.Region.Id)
	}
	return evolve(a.state.Region, c)
}

// A birth is what a region that a split has created begins with.
type birth struct {
	state *raftserverpb.RegionState
	size  regionSize
	leads bool // the peer of the whole leads
}

// goOn goes on with what follows from splits, as far as it is not under way.
func (p *peer) goOn() {
	p.deleteOrphans()
	if len(p.births) > 0 {
		p.bearHalves()
	}
}

// bearHalves lets the right halves of splits begin once the splits are durable in the kv
// engine. A peer keeps its promises in the raft engine. If a crash could take its first
// data from it, it would come back with a log that begins nowhere: the log of the left
// half need not bring the split back, because a snapshot may replace it.
//
// The sync is slow work: bearing is true meanwhile. Births that are added meanwhile wait for
// another sync, which may begin at once or with the next tick. Nothing begins if the sync
// fails: then the engine takes no further write (engine.SyncError), and the store stops
// (writeFailed).
//
//lab:implement 3B
func (p *peer) bearHalves() {
	if len(p.births) == 0 || p.bearing {
		return
	}
	p.bearing = true
	births, kv := p.births, p.store.cfg.KVEngine
	p.inBackground(func() func(*peer) {
		err := kv.Sync()
		return func(p *peer) {
			p.bearing = false
			if err != nil {
				p.store.writeFailed(err)
				return
			}
			p.births = p.births[len(births):]
			for _, b := range births {
				p.store.bear(b.state, b.size, b.leads)
			}
			p.bearHalves()
		}
	})
}

// bear gives a region that a split has created its peer, with the size that is known of it.
// If the peer that led the whole was here (leads), it stands for election at once: it has
// everything, and the others will most likely vote for it. What the lobby has kept for the
// peer is delivered.
//
// A message may have created the peer before, without data, while the whole had none here
// either (so it is not where the whole was led). It may have voted since, and must not forget
// that: it stays, and gets its data (born, initialize). The pass that bears it is another
// peer's, and this one may be in a pass of its own at the moment: what is to happen to it goes
// into its inbox.
//
// A peer that cannot be loaded is the end of the store (Store.stop): its log cannot be read,
// and promises may be in it. A full disk is not in the way of newPeer, which finds nothing to
// delete here.
//
//lab:implement 3B
func (s *Store) bear(state *raftserverpb.RegionState, size regionSize, leads bool) {
	p := s.directory.peer(state.Region.Id)
	if p == nil {
		var err error
		if p, err = newPeer(s, state); err != nil {
			s.stop(errors.Annotatef(err, "region %d, which was split off", state.Region.Id))
			return
		}
		p.durableMembers = p.epoch().GetConfVer()
		s.directory.put(p)
	} else {
		p.put(event{do: func(p *peer) { p.born = state }})
	}
	size.measuring, size.splitKey = false, nil
	p.put(event{do: func(p *peer) {
		p.initialize()
		p.size = size
		if leads {
			_ = p.node.Campaign()
		}
	}})
	s.lobby.deliver(p, state.Region.Id)
}

// initialize gives a peer without data those that a split has for it (born), unless a
// task is under way: a full disk may hold one up. handleEvents calls it again as long as born
// is set. The data are those of an installed snapshot: the log begins anew after the state's
// applied index (resetLog), the Raft node is another one (newNode), the hard state stays. The
// directory takes the range (moved).
//
//lab:implement 3B
func (p *peer) initialize() {
	state := p.born
	if state == nil || p.task != nil {
		return
	}
	p.born = nil
	p.store.directory.moved(p.region(), state.Region)
	p.storage.applied = state
	p.storage.resetLog(state.AppliedIndex, state.AppliedTerm)
	node, err := p.newNode()
	if err != nil {
		p.store.stop(errors.Annotatef(err, "region %d, which was split off", state.Region.Id))
		return
	}
	p.node = node
}

// deleteOrphans deletes, in the background, the data of regions that were split off and
// have no peer here.
func (p *peer) deleteOrphans() {
	orphans := p.orphans
	p.orphans = nil
	cfg := &p.store.cfg
	for _, r := range orphans {
		peerID := p.store.directory.lastBuried(r.Id, region.PeerOn(r, cfg.StoreID).GetId())
		p.inBackground(func() func(*peer) {
			err := cfg.buryOrphan(r, peerID)
			return func(p *peer) {
				switch {
				case errors.Cause(err) == engine.ErrDiskFull:
					p.orphans = append(p.orphans, r)
					p.store.writeFailed(err)
				case err != nil:
					p.store.stop(errors.Annotatef(err, "region %d: cannot delete the data", r.Id))
				default:
					p.store.directory.deleted(r)
				}
			}
		})
	}
}

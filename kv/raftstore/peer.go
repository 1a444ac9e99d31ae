package raftstore

import (
	"log/slog"
	"sync/atomic"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// A peer is the replica of one region on this store. Everything but its inbox
// and its place in the run queue belongs to the pass that has it.
type peer struct {
	store *Store
	inbox inbox
	run   runState // guarded by the run queue

	id uint64
	// seen is the epoch of the message that the peer was created for. It is of use as
	// long as the peer is not initialized.
	seen    *metapb.RegionEpoch
	storage *peerStorage
	node    *raft.RawNode
	logger  *slog.Logger

	// proposals wait for their entries to be applied, reads for the state
	// that they may see.
	proposals proposals
	reads     reads

	// draft is what Draft needs to know of the peer, outside of passes. It is nil
	// if the peer has none to offer.
	draft atomic.Pointer[draft]

	// task is the Ready that is being handled. It is nil between passes,
	// except while its snapshot is being installed, or while a disk is
	// full.
	task *task

	// installing is true while the task's snapshot is being installed: the
	// peer does not tick, and its task waits.
	installing bool
	// installAgain is true while the installation waits for a tick, because
	// it has met a full disk.
	installAgain bool

	// pending estimates the number of bytes that the node has taken in
	// since the last Ready.
	pending int

	compaction compaction
	snapshots  snapshotFiles

	// loss counts the signs that entries are lost here on which the leader
	// relies.
	loss loss

	// born is the state that a split has for the peer, which has no data yet. It is nil
	// if there is none.
	born *raftserverpb.RegionState

	// background is the number of tasks that are under way on the executor.
	background int

	// claimed is the region of a snapshot that the peer may be about to install: its
	// range is taken. It is nil if there is none.
	claimed *metapb.Region

	// senders are peers that the peer has had a message from, by id: a peer without
	// data knows no others, and one that lags may not know its leader.
	senders map[uint64]*metapb.Peer

	// changed is what the entry that is being decided about has made of the region: the
	// entry's effect sets it, and the proposal's done, which takeOver calls next, reads it.
	changed []*metapb.Region

	// leaving are removed peers that are to be told so. syncing is true while the
	// kv engine is being synced for that, and conf_ver is durable at durableMembers.
	leaving        []*metapb.Peer
	syncing        bool
	durableMembers uint64

	// clock counts ticks. alone counts them since a follower has last heard its leader, or
	// a leader a majority of the members. heard is when a leader has last heard a member.
	clock, alone int
	heard        map[uint64]int

	// led is true if the peer led its region at the end of its last pass.
	led    bool
	report report
	size   regionSize

	// expects are regions that a split has announced to the directory whose write has not
	// succeeded yet.
	expects []uint64
	// births are the right halves of splits that wait for the kv engine to be synced,
	// which bearing says is under way.
	births  []birth
	bearing bool

	// dying is true from the removal of the peer on, and gone once nothing is left
	// of it. resting is true while the removal waits for a tick, because the disk is
	// full.
	dying, gone, resting bool
	// orphans are regions that were split off here without a peer, and whose data are
	// still to be deleted.
	orphans []*metapb.Region
}

func (p *peer) place() *runState { return &p.run }

// newPeer returns the peer of the region in applied, as the engines hold it.
func newPeer(s *Store, applied *raftserverpb.RegionState) (*peer, error) {
	storage, err := loadPeerStorage(s.cfg.RaftEngine, applied)
	if err != nil {
		return nil, err
	}
	r := applied.Region
	p := &peer{store: s, storage: storage, id: applied.PeerId}
	if p.id == 0 { // the record is of a time when no peer could be removed
		p.id = region.PeerOn(r, s.cfg.StoreID).GetId()
	}
	if p.id == 0 {
		return nil, errors.Errorf("it has no peer on store %d", s.cfg.StoreID)
	}
	p.logger = s.cfg.Logger.With("region", r.Id, "peer", p.id)
	p.snapshots = snapshotFiles{files: s.cfg.Files, logger: p.logger}
	storage.maker.p = p
	p.proposals.regionID = r.Id
	p.node, err = p.newNode()
	return p, err
}

// newNode returns the peer's Raft node, which continues from what the peer has
// stored and applied. The committed entries of one of its Readys have at most
// engine.MaxBatchSize bytes, or there is only one: a backlog of any size may wait
// after an absence. (If your Raft has no such limit, takeReady can leave some of
// them for the next Ready: Advance counts only those that it is given.)
//
//lab:implement 2B
func (p *peer) newNode() (*raft.RawNode, error) {
	cfg, regionID := &p.store.cfg, p.region().Id
	return raft.NewRawNode(&raft.Config{
		ID:                       p.id,
		ElectionTick:             cfg.ElectionTicks,
		HeartbeatTick:            cfg.HeartbeatTicks,
		Storage:                  p.storage,
		Applied:                  p.appliedIndex(),
		RandIntN:                 func(n int) int { return cfg.RandIntN(regionID, n) },
		MaxSizePerMsg:            1 << 20,
		MaxCommittedSizePerReady: 4 << 20,
		Logger:                   p.logger,
	})
}

func (p *peer) region() *metapb.Region { return p.storage.applied.Region }

// appliedIndex returns the index up to which the kv engine holds the effects of
// the log.
func (p *peer) appliedIndex() uint64 { return p.storage.applied.AppliedIndex }

// maxPassBytes bounds, roughly, what one peer writes to its log in one pass,
// and what its node takes in while a task is under way. Engines limit the size
// of a batch, and a long pass makes all of its peers wait.
const maxPassBytes = 2 << 20

// errBehind refuses a write while a full disk keeps the log from being written.
var errBehind = region.Busy("the store cannot write its log at present, and accepts no further writes")

// handleEvents handles what has happened since the last pass.
func (p *peer) handleEvents() {
	if p.dying {
		p.handleLastEvents()
		return
	}
	if p.born != nil {
		p.initialize()
	}
	if p.task == nil {
		p.pending = 0
	}
	events, ticks, more := p.inbox.drain(maxPassBytes)
	if more {
		p.store.queue.wake(p)
	}
	var writes []*Write
	var reads []*Read
	var admins []*Admin
	for _, e := range events {
		behind := p.pending > maxPassBytes
		p.pending += e.size()
		switch {
		case e.write != nil && behind:
			e.write.done(errBehind)
		case e.write != nil:
			writes = append(writes, e.write)
		case e.read != nil:
			reads = append(reads, e.read)
		case e.admin != nil:
			admins = append(admins, e.admin)
		case e.message != nil && behind && len(e.message.Message.GetEntries()) > 0:
			// Raft sends them again.
		case e.message != nil:
			p.step(e.message)
		default:
			e.do(p)
		}
	}
	if p.dying { // an event has ended it
		for _, e := range requests(writes, reads, admins) {
			e.refuse(region.RegionNotFound(p.region().Id))
		}
		return
	}
	if !p.installing {
		for range ticks {
			p.node.Tick()
		}
	}
	// Requests come last, together: writes share a proposal, reads a
	// question.
	if len(writes) > 0 {
		p.propose(writes)
	}
	if len(reads) > 0 {
		for _, r := range reads {
			r.term = p.node.BasicStatus().Term
		}
		p.read(reads)
	}
	for _, a := range admins {
		p.administer(a)
	}
	if ticks > 0 {
		if p.installAgain {
			p.installAgain = false
			p.install(p.task.rd.Snapshot)
		}
		p.compactLog()
		p.goOn()
	}
	leads := p.node.BasicStatus().RaftState == raft.StateLeader
	if leads && !p.led {
		p.report.due, p.report.held = true, p.store.cfg.ElectionTicks
	}
	p.led = leads
	if p.store.cfg.Scheduler != nil {
		p.reportToScheduler(ticks)
	}
	if ticks > 0 {
		p.watchGroup(ticks)
		if len(p.leaving) > 0 {
			p.farewell() // its sync may have failed
		}
	}
}

// step hands a message of another store's peer to Raft.
//
//lab:implement 2B
func (p *peer) step(m *raftserverpb.RaftMessage) {
	// The file is there, whatever becomes of the message.
	if s := m.Message.GetSnapshot(); s.GetMetadata() != nil {
		p.snapshots.receive(SnapshotName(m.RegionId, s.Metadata))
	}
	if p.dying || p.disagrees(m) && !p.meet(m) {
		return
	}
	if to := m.ToPeer.GetId(); to != p.id {
		p.logger.Warn("dropped a message for another peer", "to", to)
		return
	}
	if !p.claims(m.Message.Snapshot) {
		return // another region still has keys of this one
	}
	if err := p.node.Step(m.Message); err != nil {
		p.logger.Debug("dropped a message", "from", m.FromPeer.GetId(), "type", m.Message.GetMsgType(), "reason", err)
	}
	p.noteContact(m.Message)
	p.noteHeartbeat(m.Message)
}

// disagrees reports whether m shows that its sender and p differ about who is a member
// of the region.
func (p *peer) disagrees(m *raftserverpb.RaftMessage) bool {
	p.remember(m.FromPeer)
	return m.IsTombstone || m.AsksToLeave || m.RegionEpoch.GetConfVer() != p.epoch().GetConfVer()
}

// remember notes where a peer is that has sent a message, if the region does not tell.
func (p *peer) remember(from *metapb.Peer) {
	if from.GetId() == 0 || region.Peer(p.region(), from.Id) != nil || proto.Equal(p.senders[from.Id], from) {
		return
	}
	if p.senders == nil || len(p.senders) >= maxSenders {
		p.senders = map[uint64]*metapb.Peer{}
	}
	p.senders[from.Id] = from
}

// maxSenders bounds the peers that p remembers. Those who matter send again.
const maxSenders = 16

// claims reports whether a snapshot that came can be installed as far as other regions
// on this store are concerned, and takes its range if so. There may be a peer here of a
// region that has not yet heard that it was split, or that it was removed: it has the
// keys until then.
func (p *peer) claims(snapshot *eraftpb.Snapshot) bool {
	if snapshot.GetMetadata() == nil || p.installing {
		return true
	}
	header, err := ReadSnapshotHeader(snapshot)
	if err != nil {
		p.logger.Warn("dropped a snapshot", "reason", err)
		return false
	}
	r := header.Region
	if r.Id != p.region().Id || r.RegionEpoch == nil || region.Peer(r, p.id) == nil {
		p.logger.Warn("dropped a snapshot: it is not of a region with this peer")
		return false
	}
	// Raft may have taken an earlier one, about which it has not been decided: its claim
	// lasts if this one cannot be had. Both have the same first key.
	if !p.store.directory.claim(p, r) {
		p.logger.Info("dropped a snapshot: another region still has some of its keys")
		return false
	}
	p.claimed = r
	return true
}

// releaseClaim ends the claim to a snapshot's range, unless the snapshot is being
// installed.
func (p *peer) releaseClaim() {
	if p.claimed == nil || p.installing {
		return
	}
	p.store.directory.release(p, p.claimed)
	p.claimed = nil
}

// send gives messages to the transport. All that they promise is durable.
func (p *peer) send(messages []*eraftpb.Message) {
	r := p.region()
	for _, m := range messages {
		to := region.Peer(r, m.To)
		if to == nil {
			to = p.senders[m.To]
		}
		if to == nil {
			continue // the member was removed meanwhile
		}
		p.store.cfg.Transport.Send(&raftserverpb.RaftMessage{
			RegionId:    r.Id,
			RegionEpoch: p.epoch(),
			StartKey:    r.StartKey,
			EndKey:      r.EndKey,
			FromPeer:    &metapb.Peer{Id: p.id, StoreId: p.store.cfg.StoreID},
			ToPeer:      to,
			Message:     m,
		})
	}
}

// put adds e to the peer's inbox and reports whether it was accepted.
func (p *peer) put(e event) bool {
	if !p.inbox.put(e) {
		return false
	}
	p.store.queue.wake(p)
	return true
}

// inBackground runs slow on the executor. The function that slow returns runs
// in a later pass of the peer.
func (p *peer) inBackground(slow func() func(*peer)) {
	p.background++
	p.store.cfg.Executor.Go(func() (done func()) {
		result := slow()
		return func() {
			p.put(event{do: func(p *peer) {
				p.background--
				result(p)
			}})
		}
	})
}

// abandon answers every request that waits for this peer: no later pass runs
// for it.
func (p *peer) abandon() {
	for _, e := range p.inbox.close() {
		e.refuse(storage.ErrNotRunning)
	}
	p.proposals.abandon(storage.ErrOutcomeUnknown)
	p.reads.abandon(storage.ErrNotRunning)
}

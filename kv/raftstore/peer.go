package raftstore

import (
	"log/slog"

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

	id      uint64
	storage *peerStorage
	node    *raft.RawNode
	logger  *slog.Logger

	// proposals wait for their entries to be applied, reads for the state
	// that they may see.
	proposals proposals
	reads     reads

	// task is the Ready that is being handled. It is nil between passes,
	// except while its snapshot is being installed, or while a disk is full.
	task *task

	// restoring is true while the task's snapshot is being installed: the
	// peer takes part in nothing.
	restoring bool

	collector collector

	// loss is what the peer has lost of what its leader relies on.
	loss loss

	// received are the files of snapshots that came since the last Ready was
	// taken.
	received []string
}

// newPeer returns the peer of the region in applied, as the engines hold it.
func newPeer(s *Store, applied *raftserverpb.RegionState) (*peer, error) {
	storage, err := loadPeerStorage(s.cfg.RaftEngine, applied)
	if err != nil {
		return nil, err
	}
	region := applied.Region
	p := &peer{store: s, storage: storage}
	for _, m := range region.Peers {
		if m.StoreId == s.cfg.StoreID {
			p.id = m.Id
		}
	}
	p.logger = s.cfg.Logger.With("region", region.Id, "peer", p.id)
	storage.snapshots.p = p
	p.proposals.regionID = region.Id
	p.node, err = p.newNode()
	return p, err
}

// newNode returns the peer's Raft node, which goes on from what the peer has
// stored and applied.
//
//lab:implement 2B
func (p *peer) newNode() (*raft.RawNode, error) {
	cfg, regionID := &p.store.cfg, p.region().Id
	return raft.NewRawNode(&raft.Config{
		ID:                       p.id,
		ElectionTick:             cfg.ElectionTicks,
		HeartbeatTick:            cfg.HeartbeatTicks,
		Storage:                  p.storage,
		Applied:                  p.applied(),
		RandIntN:                 func(n int) int { return cfg.RandIntN(regionID, n) },
		MaxSizePerMsg:            1 << 20,
		MaxCommittedSizePerReady: 4 << 20,
		Logger:                   p.logger,
	})
}

func (p *peer) region() *metapb.Region { return p.storage.applied.Region }
func (p *peer) applied() uint64        { return p.storage.applied.AppliedIndex }

// member returns the region's peer with that id, or nil.
func (p *peer) member(id uint64) *metapb.Peer {
	for _, m := range p.region().Peers {
		if m.Id == id {
			return m
		}
	}
	return nil
}

// maxPassBytes bounds, roughly, what one peer writes in one pass. Engines limit
// the size of a batch, and a pass that takes long keeps everybody waiting.
const maxPassBytes = 2 << 20

// handleEvents handles what has happened since the last pass.
func (p *peer) handleEvents() {
	events, ticks, more := p.inbox.drain(maxPassBytes)
	if more {
		p.store.queue.wake(p)
	}
	var commands []*Command
	for _, e := range events {
		switch {
		case e.command != nil:
			commands = append(commands, e.command)
		case e.message != nil:
			p.step(e.message)
		default:
			e.do(p)
		}
	}
	if !p.restoring {
		for range ticks {
			p.node.Tick()
		}
	}
	// Commands come last, together: what they write shares a proposal.
	p.propose(commands)
	if ticks > 0 {
		p.collectLog()
	}
}

// step hands a message of another store's peer to Raft.
//
//lab:implement 2B
func (p *peer) step(m *raftserverpb.RaftMessage) {
	if to := m.ToPeer.GetId(); to != p.id {
		p.logger.Warn("dropped a message for another peer", "to", to)
		return
	}
	if s := m.Message.Snapshot; s.GetMetadata() != nil {
		p.received = append(p.received, SnapshotName(m.RegionId, s.Metadata))
	}
	if err := p.node.Step(m.Message); err != nil {
		p.logger.Debug("dropped a message", "from", m.FromPeer.GetId(), "type", m.Message.GetMsgType(), "reason", err)
	}
	p.noteHeartbeat(m.Message)
}

// send gives the transport messages of this pass, all of whose promises are
// durable.
func (p *peer) send(messages []*eraftpb.Message) {
	region := p.region()
	from := p.member(p.id)
	for _, m := range messages {
		to := p.member(m.To)
		if to == nil {
			continue // was removed meanwhile
		}
		p.store.cfg.Transport.Send(&raftserverpb.RaftMessage{
			RegionId:    region.Id,
			RegionEpoch: region.RegionEpoch,
			FromPeer:    from,
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

// inBackground runs slow on the executor. What it returns runs in a later pass
// of the peer.
func (p *peer) inBackground(slow func() func(*peer)) {
	p.store.cfg.Executor.Go(func() (done func()) {
		result := slow()
		return func() { p.put(event{do: result}) }
	})
}

// abandon answers everything that waits for this peer: nobody will look at it
// any more.
func (p *peer) abandon() {
	stopped, unknown := Result{Err: storage.ErrNotRunning}, Result{Err: storage.ErrOutcomeUnknown}
	for _, e := range p.inbox.close() {
		if e.command != nil {
			e.command.Done(stopped)
		}
	}
	p.proposals.abandon(unknown)
	p.reads.abandon(stopped)
}

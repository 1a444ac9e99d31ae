package raftstore

import (
	"log/slog"

	"github.com/pingcap/errors"

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

	id      uint64
	storage *peerStorage
	node    *raft.RawNode
	logger  *slog.Logger

	// proposals wait for their entries to be applied, reads for the state
	// that they may see.
	proposals proposals
	reads     reads

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
}

// newPeer returns the peer of the region in applied, as the engines hold it.
func newPeer(s *Store, applied *raftserverpb.RegionState) (*peer, error) {
	storage, err := loadPeerStorage(s.cfg.RaftEngine, applied)
	if err != nil {
		return nil, err
	}
	r := applied.Region
	here := region.PeerOn(r, s.cfg.StoreID)
	if here == nil {
		return nil, errors.Errorf("it has no peer on store %d", s.cfg.StoreID)
	}
	p := &peer{store: s, storage: storage, id: here.Id}
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
	if p.task == nil {
		p.pending = 0
	}
	events, ticks, more := p.inbox.drain(maxPassBytes)
	if more {
		p.store.queue.wake(p)
	}
	var writes []*Write
	var reads []*Read
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
		case e.message != nil && behind && len(e.message.Message.Entries) > 0:
			// Raft sends them again.
		case e.message != nil:
			p.step(e.message)
		default:
			e.do(p)
		}
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
		p.read(reads)
	}
	if ticks > 0 {
		if p.installAgain {
			p.installAgain = false
			p.install(p.task.rd.Snapshot)
		}
		p.compactLog()
	}
}

// step hands a message of another store's peer to Raft.
//
//lab:implement 2B
func (p *peer) step(m *raftserverpb.RaftMessage) {
	// The file is there, whatever becomes of the message.
	if s := m.Message.Snapshot; s.GetMetadata() != nil {
		p.snapshots.receive(SnapshotName(m.RegionId, s.Metadata))
	}
	if to := m.ToPeer.GetId(); to != p.id {
		p.logger.Warn("dropped a message for another peer", "to", to)
		return
	}
	if err := p.node.Step(m.Message); err != nil {
		p.logger.Debug("dropped a message", "from", m.FromPeer.GetId(), "type", m.Message.GetMsgType(), "reason", err)
	}
	p.noteHeartbeat(m.Message)
}

// send gives messages to the transport. All that they promise is durable.
func (p *peer) send(messages []*eraftpb.Message) {
	r := p.region()
	from := region.Peer(r, p.id)
	for _, m := range messages {
		to := region.Peer(r, m.To)
		if to == nil {
			continue // the member was removed meanwhile
		}
		p.store.cfg.Transport.Send(&raftserverpb.RaftMessage{
			RegionId:    r.Id,
			RegionEpoch: r.RegionEpoch,
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

// inBackground runs slow on the executor. The function that slow returns runs
// in a later pass of the peer.
func (p *peer) inBackground(slow func() func(*peer)) {
	p.store.cfg.Executor.Go(func() (done func()) {
		result := slow()
		return func() { p.put(event{do: result}) }
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

package transport

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// check returns an error if m cannot be a message of store from to this one.
// Raft can step a message that passes without harm to itself. Whether the
// message is true is not checked: Raft trusts its members that far.
func (t *Transport) check(m *raftserverpb.RaftMessage, from uint64) error {
	raft := m.GetMessage()
	switch {
	case raft == nil && !m.GetIsTombstone() && !m.GetAsksToLeave():
		return errors.New("it has no message")
	case m.RegionId == 0:
		return errors.New("it has no region")
	case m.GetFromPeer().GetId() == 0 || m.GetToPeer().GetId() == 0:
		return errors.New("it does not name the peers that it is from and for")
	case m.FromPeer.StoreId != from:
		return errors.Errorf("it claims to be from store %d", m.FromPeer.StoreId)
	case m.ToPeer.StoreId != t.cfg.StoreID:
		return errors.Errorf("it is for store %d", m.ToPeer.StoreId)
	case raft == nil:
		if m.RegionEpoch == nil {
			return errors.New("it speaks of the removal of a peer at no epoch")
		}
		return nil
	case raft.To != m.ToPeer.Id:
		return errors.Errorf("it is for peer %d, its message for %d", m.ToPeer.Id, raft.To)
	}
	if raft.MsgType == eraftpb.MessageType_MsgTransferLeader {
		return nil // its sender is the transferee, and it has no term
	}
	switch {
	case raft.From != m.FromPeer.Id:
		return errors.Errorf("it is from peer %d, its message from %d", m.FromPeer.Id, raft.From)
	case raft.Term == 0:
		return errors.New("its message has no term")
	}
	switch raft.MsgType {
	case eraftpb.MessageType_MsgAppend:
		return checkEntries(raft)
	case eraftpb.MessageType_MsgSnapshot:
		return checkSnapshot(m)
	case eraftpb.MessageType_MsgAppendResponse,
		eraftpb.MessageType_MsgRequestVote, eraftpb.MessageType_MsgRequestVoteResponse,
		eraftpb.MessageType_MsgHeartbeat, eraftpb.MessageType_MsgHeartbeatResponse,
		eraftpb.MessageType_MsgTimeoutNow:
		return nil
	}
	return errors.Errorf("a message of type %v never travels", raft.MsgType)
}

// checkEntries returns an error unless the entries of an append follow the
// entry that the append says they follow, and each other.
func checkEntries(m *eraftpb.Message) error {
	index, term := m.Index, m.LogTerm
	for _, e := range m.Entries {
		if e.Index != index+1 || e.Term < term || e.Term > m.Term {
			return errors.Errorf("entry (%d, term %d) follows (%d, term %d) in term %d", e.Index, e.Term, index, term, m.Term)
		}
		index, term = e.Index, e.Term
	}
	return nil
}

// maxSnapshotSize bounds the size that a snapshot may claim, in bytes: no
// region is larger.
const maxSnapshotSize = 1 << 40

// checkSnapshot returns an error unless the message is complete enough to be
// installed, once the file is there.
func checkSnapshot(m *raftserverpb.RaftMessage) error {
	snapshot := m.Message.GetSnapshot()
	meta := snapshot.GetMetadata()
	if meta.GetIndex() == 0 || meta.GetTerm() == 0 || meta.Term > m.Message.Term || len(meta.GetConfState().GetNodes()) == 0 {
		return errors.New("its snapshot is of no place in the log")
	}
	header, err := raftstore.ReadSnapshotHeader(snapshot)
	if err != nil {
		return err
	}
	region := header.GetRegion()
	switch {
	case region.GetId() != m.RegionId || region.GetRegionEpoch() == nil:
		return errors.Errorf("its snapshot is of region %d", region.GetId())
	case header.Size > maxSnapshotSize:
		return errors.Errorf("its snapshot claims %d bytes", header.Size)
	}
	for _, peer := range region.Peers {
		if peer.Id == m.ToPeer.Id && peer.StoreId == m.ToPeer.StoreId {
			return nil
		}
	}
	return errors.New("its snapshot is of a region without its receiver")
}

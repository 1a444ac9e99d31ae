package raft

import (
	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// A Peer is a member of a group that is being started.
type Peer struct {
	ID      uint64
	Context []byte // comes back as the context of the change that adds it
}

// Bootstrap starts a new group on an empty storage: it writes the log that adds
// each of peers, committed in term 1, as every member writes it for itself. It
// returns an error if there are no peers or the storage is not empty.
func (rn *RawNode) Bootstrap(peers []Peer) error {
	r := rn.raft
	if len(peers) == 0 {
		return errors.New("raft: a group needs at least one peer to start with")
	}
	if last := r.log.LastIndex(); last != 0 {
		return errors.Errorf("raft: cannot start a group on a storage with a log up to %d", last)
	}
	r.becomeFollower(1, None)
	for i, peer := range peers {
		e, err := confChangeEntry(&pb.ConfChange{
			ChangeType: pb.ConfChangeType_AddNode,
			NodeId:     peer.ID,
			Context:    peer.Context,
		})
		if err != nil {
			return err
		}
		e.Term, e.Index = 1, uint64(i)+1
		r.log.append(e)
		// In effect at once, so that the node can campaign; applying the
		// entry again will change nothing.
		r.addNode(peer.ID)
	}
	r.log.commitTo(uint64(len(peers)))
	return nil
}

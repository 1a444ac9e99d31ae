//go:build mutant

// The leader notes that a snapshot is under way before it has one. If storage
// has none ready, it returns, to try again later. But it is waiting for the
// follower's answer now, to a snapshot that was never sent, and does not try
// again.
//
//lab:mutant 2C raft
package raft

import (
	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) sendSnapshot(p *Progress) {
	p.awaitSnapshot(r.log.FirstIndex() - 1)
	snapshot, err := r.log.snapshotToSend()
	if errors.Cause(err) == ErrSnapshotTemporarilyUnavailable {
		return
	}
	if err != nil {
		panic(errors.Annotate(err, "raft: cannot read the snapshot"))
	}
	r.send(&pb.Message{MsgType: pb.MessageType_MsgSnapshot, To: p.ID, Snapshot: snapshot})
	p.awaitSnapshot(snapshot.Metadata.Index)
}

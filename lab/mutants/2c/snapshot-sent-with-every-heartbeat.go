//go:build mutant

// After it has sent a snapshot, the leader goes on as after an append: when the
// follower answers a heartbeat and still lacks entries, it sends the snapshot
// again. One heartbeat takes milliseconds and a snapshot may take minutes, so
// the network carries hundreds of copies at once.
//
//lab:mutant 2C raft
package raft

import (
	"github.com/pingcap/errors"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) sendSnapshot(p *Progress) {
	p.probe()
	p.nudge, p.paused = false, true
	snapshot, err := r.log.snapshotToSend()
	if errors.Cause(err) == ErrSnapshotTemporarilyUnavailable {
		return
	}
	if err != nil {
		panic(errors.Annotate(err, "raft: cannot read the snapshot"))
	}
	r.send(&pb.Message{MsgType: pb.MessageType_MsgSnapshot, To: p.ID, Snapshot: snapshot})
}

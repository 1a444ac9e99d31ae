//go:build mutant

// A heartbeat restarts the timer and is not answered, as there is nothing to
// say. The answer is how a leader notices that a follower is there again and
// lacks what was lost meanwhile (§5.3: the leader retries until all followers
// have all entries).
//
//lab:mutant 2AA raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleHeartbeat(m *pb.Message) {
	r.log.commitTo(m.Commit)
}

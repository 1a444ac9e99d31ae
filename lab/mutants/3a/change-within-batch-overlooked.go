//go:build mutant

// A leader looks at the first entry of a proposal to tell whether it is a
// membership change. A change that comes after other entries is taken while
// another one is pending.
//
//lab:mutant 3A raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) propose(entries []*pb.Entry) error {
	if len(entries) > 1 && entries[0].EntryType != pb.EntryType_EntryConfChange && r.state == StateLeader && r.leadTransferee == None {
		r.appendEntries(entries...)
		return nil
	}
	return r.propose_original(entries)
}

//go:build mutant

// Every Ready holds the hard state, changed or not. It looks safer, but the
// contract says that it is there only if it has changed: an application that
// saves what it is given writes to disk for every heartbeat.
//
//lab:mutant 2AC raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (rn *RawNode) Ready() Ready {
	rd := rn.Ready_original()
	hard := rn.raft.hardState()
	rd.HardState = &pb.HardState{Term: hard.term, Vote: hard.vote, Commit: hard.commit}
	return rd
}

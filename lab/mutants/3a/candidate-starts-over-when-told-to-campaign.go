//go:build mutant

// A candidate that is told to campaign starts the next election, and throws the
// votes away that it has. The order may have come twice.
//
//lab:mutant 3A raft
package raft

import pb "github.com/labkv/labkv/proto/eraftpb"

func (r *Raft) handleTimeoutNow(m *pb.Message) { r.campaign() }

//go:build mutant

// Whether the transferee is up to date is looked at when the request comes, and
// never again. A member that lags by a single entry gets it, answers, and is not
// told to campaign: the transfer runs into its time-out, with proposals refused
// all the while (thesis §3.10).
//
//lab:mutant 3A raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

func (r *Raft) handleAppendResponse(p *Progress, m *pb.Message) {
	transferee := r.leadTransferee
	r.leadTransferee = None
	r.handleAppendResponse_original(p, m)
	r.leadTransferee = transferee
}

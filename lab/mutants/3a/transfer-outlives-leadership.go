//go:build mutant

// The transferee is not forgotten when the leader steps down. If that node
// leads again later, it is still handing over: it refuses proposals, and may
// depose itself as soon as the former transferee acknowledges something.
//
//lab:mutant 3A raft
package raft

func (r *Raft) reset(term uint64) {
	transferee := r.leadTransferee
	r.reset_original(term)
	r.leadTransferee = transferee
}

//go:build mutant

// Raft answers a read with the commit index, also before its leader has committed
// an entry of its own term. Until then, the leader does not know of all that its
// predecessor has committed (Raft §8).
//
//lab:mutant 2B raft
package raft

func (r *Raft) readIndex(context []byte) {
	n := len(r.reads.asked)
	r.readIndex_original(context)
	if len(r.reads.asked) > n {
		r.reads.asked[n].Index = r.log.committed
	}
}

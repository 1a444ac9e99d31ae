//go:build mutant

// The numbers of reads begin anew whenever no read waits. An answer to an earlier
// read with the same number, which comes late, confirms one that came after it
// was sent.
//
//lab:mutant 2B raft
package raft

func (r *Raft) readIndex(context []byte) {
	if len(r.reads.asked) == 0 {
		r.reads.last = 0
		for _, p := range r.members {
			p.confirmed = 0
		}
	}
	r.readIndex_original(context)
}

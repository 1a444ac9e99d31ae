//go:build mutant

// The no-op is taken for a private matter of the leader: as long as its log
// ends with an entry without data, it sends nothing. Entries of earlier terms
// stay uncommitted until a client happens to propose something (§8: the no-op
// is an entry like any other).
//
//lab:mutant 2AB raft
package raft

func (r *Raft) replicate() {
	if r.state != StateLeader {
		return
	}
	last := r.log.LastIndex()
	if entries, err := r.log.Entries(last, last+1, NoLimit); err == nil && len(entries[0].Data) == 0 {
		return
	}
	for _, p := range r.members {
		if p.ID != r.id {
			for r.sendAppend(p) {
			}
		}
	}
}

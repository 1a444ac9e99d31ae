//go:build variant

// While a snapshot is on its way, the leader goes on sending what follows it, once
// per sign of life: the snapshot may have arrived although nobody said so.
//
//lab:variant raft 2C 3A
package raft

func (r *Raft) lacksAppend(p *Progress) bool {
	if p.State == StateSnapshot {
		return p.nudge
	}
	return r.lacksAppend_original(p)
}

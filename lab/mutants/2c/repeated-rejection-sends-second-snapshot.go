//go:build mutant

// A rejection that arrives while a snapshot is under way makes the leader start
// over, and send the snapshot once more. A rejection that the network delivers
// twice costs two snapshots.
//
//lab:mutant 2C raft
package raft

func (p *Progress) reject(index, hint uint64) bool {
	if p.State == StateSnapshot {
		p.snapshot = 0
		p.probe()
		return true
	}
	return p.reject_original(index, hint)
}

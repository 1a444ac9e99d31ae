//go:build mutant

// Advance notes that the snapshot is applied and does not let go of it, so
// every Ready holds it again. Each time the application throws its state and
// its log away for the old snapshot, and entries wait after it forever.
//
//lab:mutant 2C raft
package raft

func (l *Log) restored(index uint64) {
	l.appliedTo(index)
}

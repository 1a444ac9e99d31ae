//go:build mutant

// Advance lets go of the snapshot that waits without looking which one it is.
// If a newer one has arrived while the application was busy with the first, the
// newer one is never handed out: the log begins after a state that the
// application does not have.
//
//lab:mutant 2C raft
package raft

func (l *Log) restored(index uint64) {
	l.snapshot = nil
	l.appliedTo(index)
}

//go:build mutant

// Advance sets the applied index to the end of what it is told about. If it is
// told once more of an earlier Ready, the applied index goes back, and entries
// are handed out to be applied again.
//
//lab:mutant 2AC raft
package raft

func (l *Log) appliedTo(index uint64) { l.applied = index }

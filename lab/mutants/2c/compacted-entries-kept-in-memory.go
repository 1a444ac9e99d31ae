//go:build mutant

// Entries leave memory only when others replace them. The application compacts
// its storage, and the node keeps a copy of every entry since it started: memory
// grows for as long as there are proposals (§7 is about exactly that).
//
//lab:mutant 2C raft
package raft

func (l *Log) forget(index, maxBytes uint64) {}

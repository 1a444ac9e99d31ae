//go:build mutant

// A peer that leads takes it that its group is there, although it hears from
// nobody.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) hearsMajority() bool { return true }

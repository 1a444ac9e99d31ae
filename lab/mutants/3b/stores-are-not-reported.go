//go:build mutant

// A store reports its regions, and never itself.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (l *lobby) tick() {}

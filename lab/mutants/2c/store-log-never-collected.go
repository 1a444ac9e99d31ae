//go:build mutant

// The log is never collected, and grows for ever.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) collectLog() {}

//go:build mutant

// The log is never compacted, and grows forever.
//
//lab:mutant 2C kv/raftstore
package raftstore

func (p *peer) compactLog() {}

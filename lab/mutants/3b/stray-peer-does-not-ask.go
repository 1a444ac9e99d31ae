//go:build mutant

// A peer that knows no leader campaigns on and on. If all whom it knows are
// gone, it stays for ever.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (p *peer) askToLeave() {}

//go:build mutant

// A split creates the peer of the right half whether or not it was removed
// before the store came to the split.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (d *directory) expect(regionID, peerID uint64) bool { return true }

//go:build mutant

// A removed peer leaves the files of its snapshots.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (f *snapshotFiles) removeAll() {}

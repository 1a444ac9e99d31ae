//go:build mutant

// A region is measured once: what is written later is not counted, and there is
// no second split.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (s *regionSize) add(bytes int) {}

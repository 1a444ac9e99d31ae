//go:build mutant

// The right half of a split begins with no size, and is not measured.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (s *Store) bear(b birth) {
	b.size = regionSize{measured: true}
	s.bear_original(b)
}

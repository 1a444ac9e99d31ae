//go:build mutant

// The peer of the leader waits for an election timeout in the right half, like
// all others.
//
//lab:mutant 3B kv/raftstore
package raftstore

func (s *Store) bear(b birth) {
	b.leads = false
	s.bear_original(b)
}

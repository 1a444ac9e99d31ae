package raftstore_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Close closes the store, and requires that every request is answered, and that
// nothing is left of what the store had opened. It shadows the method of the
// store, so that every test ends with it.
func (s *server) Close() {
	s.Store.Close()
	if s.life.over {
		return // its engines are gone
	}
	for _, a := range s.asked {
		if len(a.results) == 0 {
			s.t.Fatalf("store %d is closed, but %s was not answered", s.id, a.request)
		}
	}
	if left := s.leaks(); left != "" {
		s.t.Fatalf("store %d is closed, but %s", s.id, left)
	}
}

// leaks says what is open in the engines and files of the store, or "".
func (s *server) leaks() string {
	var all []string
	for _, r := range []struct {
		n    int
		what string
	}{
		{s.raft.OpenIterators(), "iterators of the raft engine"},
		{s.kv.OpenIterators(), "iterators of the kv engine"},
		{s.raft.OpenSnapshots(), "snapshots of the raft engine"},
		{s.kv.OpenSnapshots(), "snapshots of the kv engine"},
		{s.life.files, "snapshot files"},
	} {
		if r.n > 0 {
			all = append(all, fmt.Sprintf("%d %s", r.n, r.what))
		}
	}
	if len(all) == 0 {
		return ""
	}
	return strings.Join(all, " and ") + " are still open"
}

// hasFiles requires that the store has at most so many snapshot files.
func (s *server) hasFiles(most int, when string) {
	s.t.Helper()
	if names := slices.Sorted(maps.Keys(s.files.now)); len(names) > most {
		s.t.Fatalf("%s store %d needs at most %d snapshot files, but it has %d: %s", when, s.id, most, len(names), strings.Join(names, ", "))
	}
}

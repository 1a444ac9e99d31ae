package raftstore_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/meter"
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
	for _, a := range s.admins {
		if !a.done {
			s.t.Fatalf("store %d is closed, but %v", s.id, a)
		}
	}
	if left := s.leaks(); left != "" {
		s.t.Fatalf("store %d is closed, but %s", s.id, left)
	}
}

// leaks says what is open in the engines and files of the store, or "".
func (s *server) leaks() string {
	for _, e := range []struct {
		name string
		*meter.Engine
	}{{"raft", s.raftMeter}, {"kv", s.kvMeter}} {
		if open := e.Open(); len(open) > 0 {
			return fmt.Sprintf("%d iterators and snapshots of its %s engine are still open, the first of them %s", len(open), e.name, open[0])
		}
	}
	if s.life.files > 0 {
		return fmt.Sprintf("%d snapshot files are still open", s.life.files)
	}
	return ""
}

// hasFiles requires that the store has at most so many snapshot files.
func (s *server) hasFiles(most int, when string) {
	s.t.Helper()
	if names := slices.Sorted(maps.Keys(s.files.now)); len(names) > most {
		s.t.Fatalf("%s store %d needs at most %d snapshot files, but it has %d: %s", when, s.id, most, len(names), strings.Join(names, ", "))
	}
}

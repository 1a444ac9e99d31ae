package raftstore_test

import (
	"fmt"
	"strings"
)

// begin does all slow work that waits, and keeps back its results. finish hands
// them over, oldest first. No pass comes before the test lets the store work.
func (s *server) begin() (finish func()) {
	var results []func()
	for len(s.tasks) > 0 {
		task := s.tasks[0]
		s.tasks = s.tasks[1:]
		s.unlessOver(func() { results = append(results, task()) })
	}
	return func() {
		for _, done := range results {
			s.unlessOver(done)
		}
	}
}

// maxTasks is the largest number of tasks of one region that may be with the
// executor at a time. There are four kinds of slow work, and one task of each
// is enough.
const maxTasks = 8

// whileHeld runs do while the executor begins nothing, and requires that the
// store does no slow work in its passes meanwhile, and does not ask for more
// and more of it. Nothing may be committed in do.
func (s *server) whileHeld(situation string, do func()) {
	s.t.Helper()
	s.hold = true
	defer func() { s.hold = false }()
	before := s.content()
	syncs, ranges, steps, used := s.kvTally.syncs, s.kvTally.ranges+s.raftTally.ranges, s.kvTally.steps, s.files.used
	do()
	var all []string
	note := func(n int, what string) {
		if n > 0 {
			all = append(all, fmt.Sprintf(what, n))
		}
	}
	note(s.kvTally.syncs-syncs, "synced the kv engine %d times")
	note(s.kvTally.ranges+s.raftTally.ranges-ranges, "deleted %d ranges of keys")
	note(s.files.used-used, "created, opened, written or synced snapshot files %d times")
	if n := s.kvTally.steps - steps; n > len(before)/2 {
		note(n, "read %d records of the kv engine")
	}
	if different := before.differs(s.content()); different != "" {
		all = append(all, "changed the data: there is "+different)
	}
	if len(all) > 0 {
		s.t.Fatalf("%s, and the executor has not begun anything yet. But in its passes the store has already %s", situation, strings.Join(all, ", and has "))
	}
	if n := len(s.tasks); n > maxTasks {
		s.t.Fatalf("%s, and the executor has not begun anything yet. The store has given it %d tasks; no more than %d can be of use", situation, n, maxTasks)
	}
}

package storesim

import (
	"fmt"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/meter"
)

// RuleOpen is a rule of this package.
const RuleOpen = "a store closes the iterators and snapshots that it opens"

// watchOpen checks that s has nothing open in its engines, unless it may need it
// for a request that waits, or for slow work.
func watchOpen(s *store) error {
	if n, _ := s.answers.Open(); n > 0 || s.working > 0 {
		return nil
	}
	for _, e := range []struct {
		name string
		*meter.Engine
	}{{"raft", s.raft}, {"kv", s.kv}} {
		if open := e.Open(); len(open) > 0 {
			return &check.Violation{Rule: RuleOpen, Found: fmt.Sprintf(
				"no request waits on store %d, and it has no slow work, but %d iterators and snapshots of its %s engine are open, the first of them %s",
				s.env.ID, len(open), e.name, open[0])}
		}
	}
	return nil
}

//go:build mutant

// The operator that gives way is ended first, and then the ids of the new peers are
// asked for. If the disk is broken, the region has neither of them.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/schedulerpb"

func (s *Scheduler) start(o *operator) error {
	if old := s.operators.running[o.expected.Id]; old != nil && old.priority() < o.priority() {
		s.end(old, schedulerpb.OperatorStatus_REPLACE, "replaced: "+o.desc)
	}
	return s.start_original(o)
}

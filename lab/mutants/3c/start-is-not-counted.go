//go:build mutant

// An operator that starts is not counted: the counts, and the metrics that come from
// them, show operators that end and never began.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/schedulerpb"

func (s *Scheduler) start(o *operator) error {
	id := o.expected.Id
	old := s.operators.running[id]
	if old != nil && old.priority() >= o.priority() {
		return refuse("region %d has an operator already: %s", id, old.desc)
	}
	var added []*addPeer
	timeout := s.options.LeaderTimeout
	for _, step := range o.steps {
		switch step := step.(type) {
		case *addPeer:
			added = append(added, step)
			timeout = s.options.PeerTimeout
		case *removePeer:
			timeout = s.options.PeerTimeout
		}
	}
	if err := s.name(o, added); err != nil {
		return err
	}
	if old != nil {
		s.end(old, schedulerpb.OperatorStatus_REPLACE, "replaced: "+o.desc)
	}
	o.status = schedulerpb.OperatorStatus_RUNNING
	o.created = s.cfg.Now()
	o.deadline = s.uptime + timeout
	s.operators.running[id] = o
	return nil
}

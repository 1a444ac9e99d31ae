//go:build mutant

// How long an operator may take is looked up for its last step. An operator that moves
// a peer and then transfers the leadership gets a minute for a snapshot.
//
//lab:mutant 3C scheduler
package scheduler

func (s *Scheduler) start(o *operator) error {
	if err := s.start_original(o); err != nil {
		return err
	}
	if _, ok := o.steps[len(o.steps)-1].(*transferLeader); ok {
		o.deadline = s.uptime + s.options.LeaderTimeout
	}
	return nil
}

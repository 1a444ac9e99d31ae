//go:build mutant

// Whether an operator's time is over is measured with the clock. When that jumps
// forward, every operator ends at once.
//
//lab:mutant 3C scheduler
package scheduler

func (s *Scheduler) expire() {
	for _, o := range s.operators.sorted() {
		timeout := s.options.LeaderTimeout
		for _, step := range o.steps {
			if _, ok := step.(*transferLeader); !ok {
				timeout = s.options.PeerTimeout
			}
		}
		if s.cfg.Now().Sub(o.created) > timeout {
			o.deadline = s.uptime - 1
		} else {
			o.deadline = s.uptime + 1
		}
	}
	s.expire_original()
}

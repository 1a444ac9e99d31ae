//go:build mutant

// An id is taken for one of this scheduler's if it is reserved on the disk. But ids
// that are reserved and not handed out yet will be given to something else.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (s *Scheduler) wellFormed(r *metapb.Region) error {
	last := s.ids.last
	s.ids.last = s.ids.end
	err := s.wellFormed_original(r)
	s.ids.last = last
	return err
}

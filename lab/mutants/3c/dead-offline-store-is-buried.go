//go:build mutant

// An offline store that is down becomes a tombstone, although regions still have peers
// there: they are lost, are they not? But regions still count them, and nobody replaces
// them by a plan.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (s *Scheduler) bury() error {
	for _, info := range s.sortedStores() {
		if info.meta.State == metapb.StoreState_Offline && s.down(info) {
			if _, err := s.moveStore(info.id(), metapb.StoreState_Tombstone); err != nil {
				return err
			}
		}
	}
	return s.bury_original()
}

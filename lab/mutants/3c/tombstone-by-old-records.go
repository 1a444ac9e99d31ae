//go:build mutant

// An offline store that has no peer of a known region becomes a tombstone when all keys
// have a known region, also right after a restart. But records of regions are not synced:
// the disk may have lost that a peer has come to that store.
//
//lab:mutant 3C scheduler
package scheduler

import "github.com/labkv/labkv/proto/metapb"

func (s *Scheduler) bury() error {
	for _, info := range s.sortedStores() {
		id := info.id()
		if info.meta.State != metapb.StoreState_Offline || s.regions.on(id).peers.Len() > 0 || !s.regions.whole() {
			continue
		}
		if _, err := s.moveStore(id, metapb.StoreState_Tombstone); err != nil {
			return err
		}
		s.log.Info("store is a tombstone", "store", id)
	}
	return nil
}

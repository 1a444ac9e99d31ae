//go:build mutant

// Stop forgets the engine only if it could be closed. If Close returns an error, the
// storage goes on as one that runs, on an engine that is closed: requests fail in odd
// ways instead of being told that the storage does not run, and it cannot be started
// again.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import "github.com/pingcap/errors"

func (s *Storage) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		return nil
	}
	if err := s.engine.Close(); err != nil {
		return errors.Annotate(err, "close engine")
	}
	s.engine = nil
	return nil
}

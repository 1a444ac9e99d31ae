//go:build mutant

// Stop calls the engine's Close without looking whether there is an engine.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"github.com/pingcap/errors"
)

func (s *Storage) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.engine
	s.engine = nil
	return errors.Annotate(e.Close(), "close engine")
}

//go:build mutant

// Stop closes the engine and keeps the pointer to it. The storage looks as if
// it ran and cannot be started again.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"github.com/pingcap/errors"
)

func (s *Storage) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine == nil {
		return nil
	}
	return errors.Annotate(s.engine.Close(), "close engine")
}

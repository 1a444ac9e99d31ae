//go:build mutant

// Start keeps what Open returned without looking at the error, and reports
// success.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"github.com/labkv/labkv/kv/storage"
)

func (s *Storage) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.engine != nil {
		return storage.ErrRunning
	}
	if e, err := s.config.Open(); err == nil {
		s.engine = e
	}
	return nil
}

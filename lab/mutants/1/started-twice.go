//go:build mutant

// Start does not look whether the storage runs. It opens the engine a second
// time, or fails with an error that says something else.
//
//lab:mutant 1 kv/storage/standalone
package standalone

import (
	"github.com/pingcap/errors"
)

func (s *Storage) Start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	e, err := s.config.Open()
	if err != nil {
		return errors.Annotate(err, "open engine")
	}
	s.engine = e
	return nil
}

//go:build mutant

// Stop forgets the engine instead of closing it. The next one to open the disk
// finds it in use.
//
//lab:mutant 1 kv/storage/standalone
package standalone

func (s *Storage) Stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.engine = nil
	return nil
}

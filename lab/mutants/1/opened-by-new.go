//go:build mutant

// New opens the engine and Start has nothing left to do. A storage that is made
// and not started holds the disk, and an error of opening has nowhere to go.
//
//lab:mutant 1 kv/storage/standalone
package standalone

func New(config Config) *Storage {
	s := New_original(config)
	s.engine, _ = config.Open()
	return s
}

func (s *Storage) Start() error {
	if s.engine != nil {
		return nil
	}
	return s.Start_original()
}

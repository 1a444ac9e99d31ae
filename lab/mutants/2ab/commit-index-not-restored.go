//go:build mutant

// The commit index is saved with the hard state, and not read back when the
// server starts. It claims to have committed nothing of what it has applied
// before, and refuses to start where the application says how far it got (the
// contract of Storage and Config.Applied).
//
//lab:mutant 2AB raft
package raft

func New(c *Config) (*Raft, error) {
	r, err := New_original(c)
	if err != nil {
		return nil, err
	}
	r.log.committed = r.log.applied
	return r, nil
}

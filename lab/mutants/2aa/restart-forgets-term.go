//go:build mutant

// The term is not read back when the server starts: it begins with term 0, and
// follows a leader of an earlier term that is over, or votes a second time in a
// term in which it has voted (Figure 2: currentTerm is persistent state).
//
//lab:mutant 2AA raft
package raft

func New(c *Config) (*Raft, error) {
	r, err := New_original(c)
	if err != nil {
		return nil, err
	}
	r.term = 0
	return r, nil
}

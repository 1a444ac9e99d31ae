//go:build mutant

// The vote is not read back when the server starts. Having voted before the
// restart, it votes again in the same term, and two leaders can have its vote
// (Figure 2: votedFor is persistent state).
//
//lab:mutant 2AA raft
package raft

func New(c *Config) (*Raft, error) {
	r, err := New_original(c)
	if err != nil {
		return nil, err
	}
	r.vote = None
	return r, nil
}

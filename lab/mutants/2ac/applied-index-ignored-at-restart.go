//go:build mutant

// The node does not look at Config.Applied, and starts to hand out entries
// right after the snapshot. The application, which has remembered its state,
// applies everything a second time: what adds to a value adds twice (the Ready
// contract: at a restart the entries after Applied come again, and no others).
//
//lab:mutant 2AC raft
package raft

func New(c *Config) (*Raft, error) {
	r, err := New_original(c)
	if err != nil {
		return nil, err
	}
	r.log.applied = r.log.FirstIndex() - 1
	return r, nil
}

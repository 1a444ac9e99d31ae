//go:build mutant

// A node takes the commit index from the hard state as it is. The commit index
// need not be synced, the snapshot is: after a crash the hard state may be
// behind the snapshot. Everything in a snapshot is committed.
//
//lab:mutant 2C raft
package raft

func New(c *Config) (*Raft, error) {
	r, err := New_original(c)
	if err != nil {
		return r, err
	}
	hs, _, err := c.Storage.InitialState()
	if err != nil {
		return r, err
	}
	r.log.committed = hs.GetCommit()
	r.log.applied = min(r.log.applied, r.log.committed)
	return r, nil
}

//go:build mutant

// At a restart the commit index starts at what was applied instead of at what
// the hard state says. Entries that were known to be committed are not handed
// out until some leader says so again, and the next hard state takes the saved
// commit index back, although it must only grow. A group in which all members
// restart shows its clients an older state than they have seen.
//
//lab:mutant 2AC raft
package raft

func New(c *Config) (*Raft, error) {
	r, err := New_original(c)
	if err != nil {
		return nil, err
	}
	r.log.committed = r.log.applied
	return r, nil
}

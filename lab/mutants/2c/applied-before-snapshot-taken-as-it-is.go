//go:build mutant

// A node takes Config.Applied as it is. If its log begins with a later snapshot,
// it goes to read the entries in between, which are gone.
//
//lab:mutant 2C raft
package raft

func New(c *Config) (*Raft, error) {
	r, err := New_original(c)
	if err == nil {
		r.log.applied = c.Applied
	}
	return r, err
}

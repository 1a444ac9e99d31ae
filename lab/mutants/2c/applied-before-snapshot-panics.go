//go:build mutant

// A node with a log that begins with a snapshot takes Config.Applied for a step
// like any other, from what the snapshot covers to there, and panics if the step
// goes back. An application that does not remember what it applied cannot
// restart.
//
//lab:mutant 2C raft
package raft

import "fmt"

func New(c *Config) (*Raft, error) {
	r, err := New_original(c)
	if err == nil && c.Applied < r.log.FirstIndex()-1 {
		panic(fmt.Sprintf("raft: applied %d is out of range [%d, %d]", c.Applied, r.log.FirstIndex()-1, r.log.committed))
	}
	return r, err
}

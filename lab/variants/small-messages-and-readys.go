//go:build variant

// Each append carries one entry, and each Ready has one to apply.
//
//lab:variant raft 2AB 2AC 2C 3A
package raft

func New(c *Config) (*Raft, error) {
	own := *c
	own.MaxSizePerMsg, own.MaxCommittedSizePerReady = 1, 1
	return New_original(&own)
}

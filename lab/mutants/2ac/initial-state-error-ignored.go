//go:build mutant

// A storage that cannot be read is taken for an empty one. The node starts with
// no term and no vote, and votes again in a term in which it has voted.
//
//lab:mutant 2AC raft
package raft

import (
	pb "github.com/labkv/labkv/proto/eraftpb"
)

type initialStateErrorIgnored struct{ Storage }

func (s initialStateErrorIgnored) InitialState() (*pb.HardState, *pb.ConfState, error) {
	hs, cs, _ := s.Storage.InitialState()
	return hs, cs, nil
}

func New(c *Config) (*Raft, error) {
	own := *c
	if c.Storage != nil {
		own.Storage = initialStateErrorIgnored{c.Storage}
	}
	return New_original(&own)
}

//go:build mutant

// A removed peer deletes the entries of its log, but not where the log ends: a
// later peer of the region on the store begins with a log whose entries are
// missing.
//
//lab:mutant 3B kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/metapb"

func (c *Config) bury(r *metapb.Region, peerID uint64) error {
	if err := c.KVEngine.Sync(); err != nil {
		return err
	}
	if err := c.clear(r); err != nil {
		return err
	}
	return c.KVEngine.Write(tombstone(&metapb.Region{Id: r.Id}, peerID), true)
}

//go:build mutant

// The tombstone is written, and the data are deleted, but the engine is not
// synced in between, and then the log is deleted, synced. After a crash the peer
// is there again, without its log.
//
//lab:mutant 3B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
)

func (c *Config) bury(r *metapb.Region, peerID uint64) error {
	var log engine.Batch
	log.Delete(cfRaft, stateKey(r.Id))
	if err := c.RaftEngine.Write(&log, true); err != nil {
		return err
	}
	if err := c.clear(r); err != nil {
		return err
	}
	return c.KVEngine.Write(tombstone(&metapb.Region{Id: r.Id}, peerID), false)
}

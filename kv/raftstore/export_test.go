package raftstore

import (
	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// StorageOf returns what the Raft node of a region's peer reads. It must not be
// used during a pass.
func (s *Store) StorageOf(regionID uint64) raft.Storage { return s.directory.peer(regionID).storage }

// BootstrapEmpty is Bootstrap, except that the logs of the regions begin at index 1:
// tests that count entries count from there.
func BootstrapEmpty(c *Config, regions ...*metapb.Region) error {
	if err := Bootstrap(c, regions...); err != nil {
		return err
	}
	var log, data engine.Batch
	for _, r := range regions {
		log.Delete(cfRaft, stateKey(r.Id))
		put(&data, cfMeta, stateKey(r.Id), &raftserverpb.RegionState{Region: r})
	}
	if err := c.RaftEngine.Write(&log, true); err != nil {
		return err
	}
	return c.KVEngine.Write(&data, true)
}

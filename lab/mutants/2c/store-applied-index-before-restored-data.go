//go:build mutant

// The index of a snapshot is written first, and then its data. After a crash in
// between the peer believes that it has them.
//
//lab:mutant 2C kv/raftstore
package raftstore

import (
	"math"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"

	"google.golang.org/protobuf/proto"
)

func (c *Config) restore(old *raftserverpb.RegionState, snapshot *eraftpb.Snapshot) (*raftserverpb.RegionState, error) {
	header := &raftserverpb.SnapshotHeader{}
	if err := proto.Unmarshal(snapshot.Data, header); err != nil {
		return nil, err
	}
	name := SnapshotName(header.Region.Id, snapshot.Metadata)
	if err := verifySnapshotFile(c.Files, name, header); err != nil {
		return nil, err
	}

	var b engine.Batch
	if err := c.RaftEngine.DeleteRange(cfRaft, logRange(header.Region.Id, 0, math.MaxUint64)); err != nil {
		return nil, err
	}
	state := &raftserverpb.RegionState{
		Region:       header.Region,
		AppliedIndex: snapshot.Metadata.Index,
		AppliedTerm:  snapshot.Metadata.Term,
	}
	put(&b, cfMeta, stateKey(header.Region.Id), state)
	if err := c.KVEngine.Write(&b, true); err != nil {
		return nil, err
	}
	for _, cf := range engine.Families {
		if err := c.KVEngine.DeleteRange(cf, engine.Range{Start: old.Region.StartKey, End: old.Region.EndKey}); err != nil {
			return nil, err
		}
	}
	if err := readSnapshotFile(c.Files, name, c.KVEngine); err != nil {
		return nil, err
	}
	return state, nil
}

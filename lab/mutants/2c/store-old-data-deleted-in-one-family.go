//go:build mutant

// Before a snapshot is installed, the default family is cleared, and the others are
// not: what was deleted there comes back.
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
	mark := proto.CloneOf(old)
	mark.Restoring = snapshot
	put(&b, cfMeta, stateKey(header.Region.Id), mark)
	if err := c.KVEngine.Write(&b, true); err != nil {
		return nil, err
	}
	if err := c.RaftEngine.DeleteRange(cfRaft, logRange(header.Region.Id, 0, math.MaxUint64)); err != nil {
		return nil, err
	}
	if err := c.KVEngine.DeleteRange(engine.CFDefault, engine.Range{Start: old.Region.StartKey, End: old.Region.EndKey}); err != nil {
		return nil, err
	}
	if err := readSnapshotFile(c.Files, name, c.KVEngine); err != nil {
		return nil, err
	}
	state := &raftserverpb.RegionState{
		Region:       header.Region,
		AppliedIndex: snapshot.Metadata.Index,
		AppliedTerm:  snapshot.Metadata.Term,
	}
	b.Reset()
	put(&b, cfMeta, stateKey(header.Region.Id), state)
	if err := c.KVEngine.Write(&b, true); err != nil {
		return nil, err
	}
	return state, nil
}

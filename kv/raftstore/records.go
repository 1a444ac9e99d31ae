package raftstore

import (
	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// A Getter reads single records: an engine, a snapshot of one, or what a crash
// would leave of one.
type Getter interface {
	Get(cf engine.CF, key []byte) (value []byte, found bool, err error)
}

// LoadRaftState returns what a raft engine holds of a region besides the entries
// of its log. Of a region that it has nothing of, that is an empty log and an
// empty hard state.
func LoadRaftState(raft Getter, regionID uint64) (*raftserverpb.RaftState, error) {
	state := &raftserverpb.RaftState{}
	if err := load(raft, cfRaft, stateKey(regionID), state); err != nil {
		return nil, err
	}
	if state.HardState == nil {
		state.HardState = &eraftpb.HardState{}
	}
	return state, nil
}

// LoadEntry returns entry index of a region's log from a raft engine, or nil if it
// is not there.
func LoadEntry(raft Getter, regionID, index uint64) (*eraftpb.Entry, error) {
	e := &eraftpb.Entry{}
	if err := load(raft, cfRaft, logKey(regionID, index), e); err != nil {
		return nil, err
	}
	if e.Index != index {
		return nil, nil
	}
	return e, nil
}

// LoadRegionState returns a region's state from a kv engine. It is empty if the
// region is not there.
func LoadRegionState(kv Getter, regionID uint64) (*raftserverpb.RegionState, error) {
	state := &raftserverpb.RegionState{}
	return state, load(kv, cfMeta, stateKey(regionID), state)
}

// ParseRegionState returns the state that op writes to a kv engine, and whether op
// writes one.
func ParseRegionState(op engine.Op) (*raftserverpb.RegionState, bool) {
	if op.CF != cfMeta || op.Delete || len(op.Key) == 0 || op.Key[0] != kindState {
		return nil, false
	}
	state := &raftserverpb.RegionState{}
	return state, proto.Unmarshal(op.Value, state) == nil
}

// load reads the message under key into m, and leaves m alone if there is none.
func load(g Getter, cf engine.CF, key []byte, m proto.Message) error {
	value, found, err := g.Get(cf, key)
	if err != nil || !found {
		return err
	}
	return errors.Annotatef(proto.Unmarshal(value, m), "record %x is corrupt", key)
}

// put writes m under key with the batch.
func put(b *engine.Batch, cf engine.CF, key []byte, m proto.Message) {
	value, err := proto.Marshal(m)
	if err != nil {
		panic(errors.Annotatef(err, "record %x cannot be encoded", key))
	}
	b.Put(cf, key, value)
}

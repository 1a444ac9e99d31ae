package raftstore

import (
	"encoding/binary"

	"github.com/labkv/labkv/kv/engine"
)

// The column families of a store's own records. A raft engine has cfRaft alone,
// a kv engine has cfMeta beside the families of the data.
const (
	cfRaft engine.CF = "raft"
	cfMeta engine.CF = "meta"
)

// The families that a store's two engines are opened with.
var (
	RaftFamilies = []engine.CF{cfRaft}
	KVFamilies   = append([]engine.CF{cfMeta}, engine.Families...)
)

// Keys start with a kind, so that records of one kind are neighbours, and all
// numbers are big-endian, so that keys sort by number.
const (
	kindIdent  = 1 // both engines
	kindState  = 2 // raft engine: RaftState; kv engine: RegionState
	kindRegion = 3 // raft engine: the entries of one region
)

func identKey() []byte { return []byte{kindIdent} }

// stateKey is the key of a region's RaftState in the raft engine, and of its
// RegionState in the kv engine.
func stateKey(regionID uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{kindState}, regionID)
}

// stateRange holds the states of all regions.
func stateRange() engine.Range {
	return engine.Range{Start: []byte{kindState}, End: []byte{kindState + 1}}
}

// logKey is the key of entry index of a region.
func logKey(regionID, index uint64) []byte {
	key := make([]byte, 0, 17)
	key = append(key, kindRegion)
	key = binary.BigEndian.AppendUint64(key, regionID)
	return binary.BigEndian.AppendUint64(key, index)
}

// logRange holds the entries [lo, hi) of a region.
func logRange(regionID, lo, hi uint64) engine.Range {
	return engine.Range{Start: logKey(regionID, lo), End: logKey(regionID, hi)}
}

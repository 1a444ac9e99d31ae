package raftstore

import (
	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// load reads the message under key into m. If there is none, m does not change.
func load(g Getter, cf engine.CF, key []byte, m proto.Message) error {
	value, found, err := g.Get(cf, key)
	if err != nil || !found {
		return err
	}
	return errors.Annotatef(proto.Unmarshal(value, m), "record %x is corrupt", key)
}

// put adds to b the operation that writes m under key.
func put(b *engine.Batch, cf engine.CF, key []byte, m proto.Message) {
	value, err := proto.Marshal(m)
	if err != nil {
		panic(errors.Annotatef(err, "record %x cannot be encoded", key))
	}
	b.Put(cf, key, value)
}

// A region begins at this place of its log, with whatever data it has then, as if a
// snapshot had been installed. So a peer without data, whose log ends at index 0, gets
// them by a snapshot: there is no entry that it could begin with.
const (
	firstIndex = 1
	firstTerm  = 1
)

// firstState is what the peer here has applied when its region begins.
func firstState(r *metapb.Region, here *metapb.Peer) *raftserverpb.RegionState {
	return &raftserverpb.RegionState{Region: r, PeerId: here.GetId(), AppliedIndex: firstIndex, AppliedTerm: firstTerm}
}

// firstLog is the log of a peer when its region begins.
func firstLog() *raftserverpb.RaftState {
	return &raftserverpb.RaftState{
		HardState: &eraftpb.HardState{Term: firstTerm, Commit: firstIndex},
		LastIndex: firstIndex, TruncatedIndex: firstIndex, TruncatedTerm: firstTerm,
	}
}

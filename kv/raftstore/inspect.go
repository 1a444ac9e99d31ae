package raftstore

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// This file holds what is exported only for tools and simulators: the state of
// a store, and the records on its disks.

// A Status is the state of one peer of a store.
type Status struct {
	// Status is the status of the peer's Raft node, without the progress of
	// other members.
	raft.Status

	// PeerID is the id of the peer, and Region the region as the peer has applied it.
	// Without an epoch, the peer has no data yet. The caller may keep the region, and
	// must not change it.
	PeerID uint64
	Region *metapb.Region

	// Leaving is true while the peer is being removed from the store.
	Leaving bool

	// Applied is the index up to which the kv engine holds the effects of
	// the log. The node's own applied index may be lower.
	Applied uint64

	// FirstIndex and LastIndex are the ends of the log in the raft engine.
	FirstIndex, LastIndex uint64

	// Busy is true while a Ready is being handled over several passes: the
	// node's status may not be durable yet.
	Busy bool

	// Installing is true while a snapshot is being installed: the data are
	// neither the old nor the new ones.
	Installing bool
}

// Status returns the status of the peer of a region, and whether there is one.
// It must not be called during a pass.
func (s *Store) Status(regionID uint64) (Status, bool) {
	p := s.directory.peer(regionID)
	if p == nil {
		return Status{}, false
	}
	return p.status(), true
}

func (p *peer) status() Status {
	first, _ := p.storage.FirstIndex()
	last, _ := p.storage.LastIndex()
	return Status{
		PeerID:     p.id,
		Region:     p.region(),
		Leaving:    p.dying,
		Status:     p.node.BasicStatus(),
		Applied:    p.appliedIndex(),
		FirstIndex: first,
		LastIndex:  last,
		Busy:       p.task != nil,
		Installing: p.installing,
	}
}

// An Inspection is the state of one peer, for the people who run its store.
type Inspection struct {
	Status

	// MakingSnapshot is true while a snapshot is being made for another peer.
	MakingSnapshot bool
	// SnapshotIndex is the index of the last snapshot that was made and still
	// exists, or 0.
	SnapshotIndex uint64
	// Size is the number of bytes of keys and values of the region, estimated.
	Size uint64
}

// Peers returns the ids of the regions that have a peer on this store, in the
// order of their keys.
func (s *Store) Peers() []uint64 { return s.directory.ids() }

// Inspect makes the peer of a region call done with its state in one of its next
// passes, and reports whether there is such a peer. done must not block. It is
// not called if the store ends before that pass.
func (s *Store) Inspect(regionID uint64, done func(Inspection)) bool {
	p := s.directory.peer(regionID)
	return p != nil && p.put(event{do: func(p *peer) {
		i := Inspection{
			Status:         p.status(),
			MakingSnapshot: p.storage.maker.making,
			Size:           p.size.estimate(),
		}
		if made := p.storage.maker.made; made != nil {
			i.SnapshotIndex = made.Metadata.Index
		}
		done(i)
	}})
}

// Regions returns the regions that a store's kv engine holds, in the order of
// their ids: none if it was not bootstrapped. The store must not be running.
func Regions(kv engine.Engine) ([]*metapb.Region, error) {
	states, err := loadRegionStates(kv)
	if err != nil {
		return nil, err
	}
	regions := make([]*metapb.Region, 0, len(states))
	for _, state := range states {
		if !state.Tombstone {
			regions = append(regions, state.Region)
		}
	}
	return regions, nil
}

// A Getter reads single records: an engine, a snapshot of one, or what a crash
// would leave of one.
type Getter interface {
	Get(cf engine.CF, key []byte) (value []byte, found bool, err error)
}

// LoadRaftState returns what a raft engine holds of a region besides the
// entries of its log. For a region that is not there, the result says that the
// log and the hard state are empty.
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

// LoadEntry returns entry index of a region's log from a raft engine, or nil if
// it is not there.
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

// DescribeRaft says what a raft engine holds, of which region and how many bytes:
//
//	1820 bytes: the store's identity; of region 1 its RaftState, entries 1..40 and 61..64
//
// It is "unreadable" if the engine is.
func DescribeRaft(raft engine.Engine) string {
	it, err := raft.Iterate(cfRaft, engine.Range{})
	if err != nil {
		return "unreadable"
	}
	var (
		parts  []string
		region uint64   // whose records are being read
		of     []string // what was found of it
		lo, hi uint64   // the entries that are being read
		bytes  int
	)
	endRun := func() {
		switch {
		case lo == 0:
		case lo == hi:
			of = append(of, fmt.Sprintf("entry %d", lo))
		default:
			of = append(of, fmt.Sprintf("entries %d..%d", lo, hi))
		}
		lo, hi = 0, 0
	}
	endRegion := func() {
		endRun()
		if len(of) > 0 {
			parts = append(parts, fmt.Sprintf("of region %d %s", region, strings.Join(of, ", ")))
		}
		of = nil
	}
	for it.Seek(nil); it.Valid(); it.Next() {
		key := it.Key()
		bytes += len(key) + len(it.Value())
		id, index, kind := parseRaftKey(key)
		if kind != kindState && kind != kindRegion {
			endRegion()
			what := fmt.Sprintf("a record with the unknown key %x", key)
			if kind == kindIdent {
				what = "the store's identity"
			}
			parts = append(parts, what)
			continue
		}
		if id != region {
			endRegion()
			region = id
		}
		switch {
		case kind == kindState:
			of = append(of, "its RaftState")
		case lo > 0 && index == hi+1:
			hi = index
		default:
			endRun()
			lo, hi = index, index
		}
	}
	endRegion()
	if it.Close() != nil {
		return "unreadable"
	}
	if len(parts) == 0 {
		parts = []string{"nothing"}
	}
	return fmt.Sprintf("%d bytes: %s", bytes, strings.Join(parts, "; "))
}

// LoggedRegions returns the ids of the regions of which a raft engine holds entries,
// ascending.
func LoggedRegions(raft engine.Engine) ([]uint64, error) {
	it, err := raft.Iterate(cfRaft, engine.Range{})
	if err != nil {
		return nil, err
	}
	found := map[uint64]bool{}
	for it.Seek(nil); it.Valid(); it.Next() {
		if id, _, kind := parseRaftKey(it.Key()); kind == kindRegion {
			found[id] = true
		}
	}
	return slices.Sorted(maps.Keys(found)), it.Close()
}

// parseRaftKey takes a key of a raft engine apart. The kind is 0 if it is none of
// them; the index is 0 if it is not that of an entry.
func parseRaftKey(key []byte) (region, index uint64, kind byte) {
	const number = 8
	switch {
	case len(key) == 1 && key[0] == kindIdent:
		return 0, 0, kindIdent
	case len(key) == 1+number && key[0] == kindState:
		return binary.BigEndian.Uint64(key[1:]), 0, kindState
	case len(key) == 1+2*number && key[0] == kindRegion:
		return binary.BigEndian.Uint64(key[1:]), binary.BigEndian.Uint64(key[1+number:]), kindRegion
	}
	return 0, 0, 0
}

// ParseRegionState returns the state that op writes to a kv engine, and whether
// op writes one.
func ParseRegionState(op engine.Op) (*raftserverpb.RegionState, bool) {
	if op.CF != cfMeta || op.Delete || len(op.Key) == 0 || op.Key[0] != kindState {
		return nil, false
	}
	state := &raftserverpb.RegionState{}
	return state, proto.Unmarshal(op.Value, state) == nil
}

// EntryOps returns the operations that an entry of a region's log asks for:
// none if it is not a write.
func EntryOps(e *eraftpb.Entry) []engine.Op {
	c := &raftserverpb.Command{}
	if e.EntryType != eraftpb.EntryType_EntryNormal || proto.Unmarshal(e.Data, c) != nil {
		return nil
	}
	return opsOf(c)
}

// Context returns what the client of w says about its region.
func (w *Write) Context() *kvrpcpb.Context { return w.context }

// Ops returns the operations of w.
func (w *Write) Ops() []engine.Op { return EntryOps(&eraftpb.Entry{Data: w.data}) }

// Intercept makes the answer to w go to f, which hands it on to the client with answer.
func (w *Write) Intercept(f func(err error, answer func(error))) {
	answer := w.done
	w.done = func(err error) { f(err, answer) }
}

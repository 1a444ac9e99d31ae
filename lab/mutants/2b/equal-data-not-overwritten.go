//go:build mutant

// Does not write an entry again whose place on the disk has the same data. Its term
// may be another one: two leaders' first entries have no data at all. After a
// restart the replica applies an entry that no other replica has there.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"bytes"

	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

func (s *peerStorage) save(w *writer, rd *raft.Ready) *raftserverpb.RaftState {
	less := *rd
	less.Entries = nil
	for i, e := range rd.Entries {
		old, err := LoadEntry(s.engine, s.regionID, e.Index)
		if last := i == len(rd.Entries)-1; last || err != nil || old == nil || !bytes.Equal(old.Data, e.Data) {
			less.Entries = append(less.Entries, &eraftpb.Entry{EntryType: e.EntryType, Term: e.Term, Index: e.Index, Data: e.Data})
		}
	}
	return s.save_original(w, &less)
}

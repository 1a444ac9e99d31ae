package raft

import (
	"cmp"
	"slices"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// confChangeEntry returns the log entry that proposes cc.
func confChangeEntry(cc *pb.ConfChange) (*pb.Entry, error) {
	data, err := proto.Marshal(cc)
	if err != nil {
		return nil, errors.Annotate(err, "raft: cannot encode the membership change")
	}
	return &pb.Entry{EntryType: pb.EntryType_EntryConfChange, Data: data}, nil
}

// addNode makes id a member, once the change is applied. Its log is unknown and
// will be probed. Adding a member again does nothing.
//
//lab:implement 3A
func (r *Raft) addNode(id uint64) {
	if r.progress(id) != nil {
		return
	}
	at, _ := slices.BinarySearchFunc(r.members, id, func(p *Progress, id uint64) int {
		return cmp.Compare(p.ID, id)
	})
	last := r.log.LastIndex()
	p := newProgress(id, last)
	r.members = slices.Insert(r.members, at, p)
	if floor, ok := r.removed[id]; ok {
		p.floor = floor
		if last == floor {
			// An earlier leader proposed this addition. Without an entry past
			// the floor, the member could never be counted.
			r.appendEntries(&pb.Entry{})
		}
	}
}

// removeNode makes id no longer a member, once the change is applied. The
// majority is smaller now, and what waited for id may have one: that is looked
// at again. A leader that removed itself steps down (thesis §4.2.2): at once, or
// after its next heartbeat, with which the others learn of it. Removing a stranger
// does nothing.
//
//lab:implement 3A
func (r *Raft) removeNode(id uint64) {
	if r.progress(id) == nil {
		return
	}
	r.members = slices.DeleteFunc(r.members, func(p *Progress) bool { return p.ID == id })
	if r.state != StateLeader {
		return
	}
	if id == r.id {
		r.becomeFollower(r.term, None)
		return
	}
	if r.leadTransferee == id {
		r.leadTransferee = None
	}
	if r.removed == nil {
		r.removed = map[uint64]uint64{}
	}
	r.removed[id] = r.log.LastIndex()
	r.maybeCommit()
	r.confirmReads()
}

// confState returns the present membership.
func (r *Raft) confState() *pb.ConfState {
	cs := &pb.ConfState{Nodes: make([]uint64, 0, len(r.members))}
	for _, p := range r.members {
		cs.Nodes = append(cs.Nodes, p.ID)
	}
	return cs
}

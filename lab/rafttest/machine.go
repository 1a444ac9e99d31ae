package rafttest

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"

	"google.golang.org/protobuf/proto"

	pb "github.com/labkv/labkv/proto/eraftpb"
)

// A machine is the replicated state machine of the suite: a checksum over every
// entry that it applied, and the membership. Two machines that applied different
// entries, or the same in a different order, differ forever after.
type machine struct {
	applied uint64
	sum     uint64
	members []uint64 // ascending; replaced, never changed
}

// apply adds e, which must be the entry after applied. For a change of membership
// it returns the change.
func (m *machine) apply(e *pb.Entry) (*pb.ConfChange, error) {
	m.applied = e.Index
	m.sum = hash(m.sum^e.Index, e.Data)
	if e.EntryType != pb.EntryType_EntryConfChange {
		return nil, nil
	}
	change := &pb.ConfChange{}
	if err := proto.Unmarshal(e.Data, change); err != nil {
		return nil, err
	}
	m.members = changed(m.members, change)
	return change, nil
}

// changed returns members after change.
func changed(members []uint64, change *pb.ConfChange) []uint64 {
	at, found := slices.BinarySearch(members, change.NodeId)
	switch {
	case change.ChangeType == pb.ConfChangeType_AddNode && !found:
		return slices.Insert(slices.Clone(members), at, change.NodeId)
	case change.ChangeType == pb.ConfChangeType_RemoveNode && found:
		return slices.Delete(slices.Clone(members), at, at+1)
	}
	return members
}

// encode returns the state for a disk or a snapshot.
func (m *machine) encode() []byte {
	data := make([]byte, 0, 16)
	data = binary.LittleEndian.AppendUint64(data, m.applied)
	return binary.LittleEndian.AppendUint64(data, m.sum)
}

// decodeMachine is the inverse of encode. The membership comes from the
// snapshot's metadata, or from the disk.
func decodeMachine(data []byte, members []uint64) (machine, error) {
	m := machine{members: slices.Sorted(slices.Values(members))}
	switch len(data) {
	case 0:
		return m, nil
	case 16:
		m.applied = binary.LittleEndian.Uint64(data)
		m.sum = binary.LittleEndian.Uint64(data[8:])
		return m, nil
	}
	return m, fmt.Errorf("the state has %d bytes", len(data))
}

// proposal returns the data of proposal id, with size bytes at least.
func proposal(id uint64, size int) []byte {
	data := strconv.AppendUint(append(make([]byte, 0, max(size, 8)), 'p'), id, 10)
	for len(data) < size {
		data = append(data, '.')
	}
	return data
}

// proposalID returns the id that proposal put into data, or 0.
func proposalID(data []byte) uint64 {
	if len(data) == 0 || data[0] != 'p' {
		return 0
	}
	id := uint64(0)
	for _, c := range data[1:] {
		if c < '0' || c > '9' {
			break
		}
		id = id*10 + uint64(c-'0')
	}
	return id
}

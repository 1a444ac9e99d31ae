package server

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// Peers are what a replicated storage does with the streams that other stores
// open. Both methods return when their stream has ended, with its status.
type Peers interface {
	Raft(tinykvpb.TinyKv_RaftServer) error
	Snapshot(tinykvpb.TinyKv_SnapshotServer) error
}

// Raft receives the Raft messages of another store.
func (s *Server) Raft(stream tinykvpb.TinyKv_RaftServer) error {
	if s.peers == nil {
		return errAlone
	}
	return streamOutcome(s.peers.Raft(stream))
}

// Snapshot receives a snapshot of another store.
func (s *Server) Snapshot(stream tinykvpb.TinyKv_SnapshotServer) error {
	if s.peers == nil {
		return errAlone
	}
	return streamOutcome(s.peers.Snapshot(stream))
}

// streamOutcome is the status for err, which may be one already.
func streamOutcome(err error) error {
	if is(err, storage.ErrNotRunning) {
		return status.Error(codes.Unavailable, err.Error())
	}
	return err
}

var errAlone = status.Error(codes.Unimplemented, "this store serves alone: it has no peers")

// Package server answers the RPCs of a store: it takes requests apart, reads
// and writes through a storage.Storage, and puts responses together. Where the
// data is, and how many copies of it there are, is the storage's business.
//
// The file raw.go has the raw commands, txn.go the transactional ones. Commands that this
// package does not implement answer with status Unimplemented.
package server

import (
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A Server implements tinykvpb.TinyKvServer. Its methods may be called from
// several goroutines at once.
type Server struct {
	tinykvpb.UnimplementedTinyKvServer

	storage storage.Storage
	peers   Peers // nil if there are none
	latches transaction.Latches
}

var _ tinykvpb.TinyKvServer = (*Server)(nil)

// New returns a server for s. Starting and stopping s remains the caller's
// duty. If s has other stores to talk to, it implements Peers, and the server
// serves those too.
func New(s storage.Storage) *Server {
	peers, _ := s.(Peers)
	return &Server{storage: s, peers: peers}
}

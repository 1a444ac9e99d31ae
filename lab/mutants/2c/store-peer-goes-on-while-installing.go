//go:build mutant

// The snapshot is being installed in the background, and the peer goes on as if
// that were done: it acknowledges the snapshot, and follows a log that begins
// elsewhere.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (p *peer) install(snapshot *eraftpb.Snapshot) {
	p.install_original(snapshot)
	p.installing = false
}

//go:build mutant

// The acknowledgement of a snapshot leaves when its installation begins. If a
// crash comes before the mark, the leader counts on entries that are nowhere
// here.
//
//lab:mutant 2C kv/raftstore
package raftstore

import "github.com/labkv/labkv/proto/eraftpb"

func (p *peer) install(snapshot *eraftpb.Snapshot) {
	p.send(p.task.rd.Messages)
	p.task.rd.Messages = nil
	p.install_original(snapshot)
}

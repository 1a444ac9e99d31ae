//go:build mutant

// A read goes through the log, but what it reads was taken when it was proposed.
// A new leader has not applied everything by then that was acknowledged before.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"

	"google.golang.org/protobuf/proto"
)

func (p *peer) read(commands []*Command) {
	for _, c := range commands {
		view, err := p.store.cfg.KVEngine.Snapshot()
		if err != nil {
			c.Done(Result{Err: err})
			continue
		}
		data, err := proto.Marshal(&raftserverpb.Command{Epoch: p.region().RegionEpoch})
		if err != nil {
			c.Done(Result{Err: err})
			continue
		}
		e := &eraftpb.Entry{Data: data}
		if p.node.Step(&eraftpb.Message{MsgType: eraftpb.MessageType_MsgPropose, Entries: []*eraftpb.Entry{e}}) != nil {
			_ = view.Close()
			c.Done(Result{Err: p.notLeader()})
			continue
		}
		p.proposals.add(proposal{index: e.Index, term: e.Term, done: func(r Result) {
			if r.Err == nil {
				r.Snapshot = view
			} else {
				_ = view.Close()
			}
			c.Done(r)
		}})
	}
}

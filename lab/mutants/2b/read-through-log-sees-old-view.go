//go:build mutant

// A read goes through the log, but what it reads was taken when it was proposed.
// A new leader has not applied everything by then that was acknowledged before.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
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
		index, term, err := p.node.Propose(data)
		if err != nil {
			_ = view.Close()
			c.Done(Result{Err: p.notLeader()})
			continue
		}
		p.proposals.add(proposal{index: index, term: term, done: func(r Result) {
			if r.Err == nil {
				r.Snapshot = view
			} else {
				_ = view.Close()
			}
			c.Done(r)
		}})
	}
}

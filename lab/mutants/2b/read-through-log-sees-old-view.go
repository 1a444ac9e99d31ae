//go:build mutant

// A read goes through the log, but its view was taken when it was proposed. By
// then a new leader has not applied everything that was acknowledged before.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/proto/raftserverpb"
)

func (p *peer) read(reads []*Read) {
	for _, r := range reads {
		if err := p.check(r.Context); err != nil {
			r.Done(nil, err)
			continue
		}
		snapshot, err := p.store.cfg.KVEngine.Snapshot()
		if err != nil {
			r.Done(nil, err)
			continue
		}
		done := func(err error) {
			if err != nil {
				_ = snapshot.Close()
				r.Done(nil, err)
				return
			}
			r.Done(&view{snapshot, p.region(), r.term}, nil)
		}
		data, err := proto.Marshal(&raftserverpb.Command{Epoch: r.Context.RegionEpoch})
		if err != nil {
			done(err)
			continue
		}
		index, term, err := p.node.Propose(data)
		if err != nil {
			done(p.refusal(err))
			continue
		}
		p.proposals.add(proposal{index, term, done})
	}
}

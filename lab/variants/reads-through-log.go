//go:build variant

// A read is an entry of its own, without operations. When that is applied, every
// write that was acknowledged before the read came is applied, too. Nothing asks
// Raft for a read index (thesis §6.4: the simple way).
//
//lab:variant kv/raftstore 2B 2C
package raftstore

import (
	"google.golang.org/protobuf/proto"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

func (p *peer) read(reads []*Read) {
	var taken []*Read
	for _, r := range reads {
		if err := p.check(r.Context); err != nil {
			r.Done(nil, err)
			continue
		}
		taken = append(taken, r)
	}
	if len(taken) == 0 {
		return
	}
	data, err := proto.Marshal(&raftserverpb.Command{Epoch: p.region().RegionEpoch})
	if err != nil {
		panic(errors.Annotate(err, "a command without operations cannot be encoded"))
	}
	done := func(err error) {
		for _, r := range taken {
			if err != nil {
				r.Done(nil, err)
			} else {
				p.serve(r)
			}
		}
	}
	index, term, err := p.node.Propose(data)
	if err != nil {
		done(p.refusal(err))
		return
	}
	p.proposals.add(proposal{index: index, term: term, done: done})
}

func (p *peer) serveReads(answers []raft.ReadState) {}

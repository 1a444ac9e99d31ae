//go:build mutant

// A read goes through the log as an entry without operations, and is served as
// soon as the index of that entry is applied, whichever entry that is.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
	"google.golang.org/protobuf/proto"
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
	data, err := proto.Marshal(&raftserverpb.Command{Epoch: taken[0].Context.RegionEpoch})
	var index, term uint64
	if err == nil {
		index, term, err = p.node.Propose(data)
	}
	if err != nil {
		for _, r := range taken {
			r.Done(nil, p.refusal(err))
		}
		return
	}
	p.reads.asked = append(p.reads.asked, question{term: term, index: index, reads: taken})
}

func (p *peer) serveReads([]raft.ReadState) {
	asked := p.reads.asked
	for len(asked) > 0 && asked[0].index <= p.appliedIndex() {
		for _, r := range asked[0].reads {
			p.serve(r)
		}
		asked = asked[1:]
	}
	p.reads.asked = asked
}

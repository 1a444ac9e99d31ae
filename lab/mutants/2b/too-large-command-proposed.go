//go:build mutant

// The size of a command is not looked at. The engine refuses the entry, and with it
// whatever else was to be saved: after a failed write the store has to stop.
//
//lab:mutant 2B kv/raftstore
package raftstore

import (
	"github.com/labkv/labkv/proto/raftserverpb"

	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"
)

func (p *peer) propose(commands []*Command) {
	var (
		encoded      [][]byte
		taken, reads []*Command
	)
	for _, c := range commands {
		if err := p.check(c.Context, c.Writes); err != nil {
			c.Done(Result{Err: err})
			continue
		}
		if len(c.Writes) == 0 {
			reads = append(reads, c)
			continue
		}
		data, err := proto.Marshal(&raftserverpb.Command{Epoch: p.region().RegionEpoch, Writes: c.Writes})
		if err != nil {
			c.Done(Result{Err: errors.Annotate(err, "cannot encode the command")})
			continue
		}
		encoded = append(encoded, data)
		taken = append(taken, c)
	}
	if len(taken) > 0 {
		index, term, err := p.node.Propose(encoded...)
		for i, c := range taken {
			if err != nil {
				c.Done(Result{Err: p.notLeader()})
				continue
			}
			p.proposals.add(proposal{index: index + uint64(i), term: term, done: c.Done})
		}
	}
	p.read(reads)
}

package raftstore

import (
	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// maxCommandSize is the largest command, encoded, in bytes: as an entry it must
// fit into one value of the raft engine, together with its place in the log.
const maxCommandSize = engine.MaxValueSize - 1<<10

// propose takes up commands: writes go into the log, reads wait for a read
// index. What cannot be taken is answered at once.
//
//lab:implement 2B
func (p *peer) propose(commands []*Command) {
	var (
		encoded [][]byte
		taken   []*Command
		reads   []*Command
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
		if len(data) > maxCommandSize {
			c.Done(Result{Err: &engine.TooLargeError{What: "write", Size: len(data), Limit: maxCommandSize}})
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

// check reports whether a request that says rc may be served here: by this
// store, by this leader, for this version of the region, for keys in it.
//
//lab:implement 2B
func (p *peer) check(rc *kvrpcpb.Context, writes []*raftserverpb.Write) error {
	status := p.node.BasicStatus()
	r := p.region()
	switch {
	case rc.Peer != nil && rc.Peer.StoreId != 0 && rc.Peer.StoreId != p.store.cfg.StoreID:
		return region.StoreNotMatch(rc.Peer.StoreId, p.store.cfg.StoreID)
	case status.RaftState != raft.StateLeader:
		return p.notLeader()
	case rc.Term != 0 && rc.Term < status.Term:
		return region.Stale(r.Id)
	}
	for _, w := range writes {
		if err := region.Check(r, rc.RegionEpoch, w.Key); err != nil {
			return err
		}
	}
	return region.Check(r, rc.RegionEpoch)
}

// notLeader returns the error that sends a client to the leader, if it is known.
func (p *peer) notLeader() error {
	return region.NotLeader(p.region().Id, p.member(p.node.BasicStatus().Lead))
}

// A proposal is a write that was appended to the leader's log, and not applied
// yet.
type proposal struct {
	index, term uint64
	done        func(Result)
}

// proposals are those of one peer, in the order in which they were made: of their
// terms, and within a term of their indexes. Only an entry that is applied decides
// them; above all not the loss of leadership, for the next leader may still commit
// what this one proposed.
type proposals struct {
	regionID uint64
	queue    []proposal
}

func (ps *proposals) add(p proposal) { ps.queue = append(ps.queue, p) }

// decide answers the proposals whose fate is known now that entry (index, term)
// is applied. Its own gets result. Those that should have come before it are
// gone for good, and so are all of earlier terms, wherever they were: the terms
// in a log never decrease.
//
//lab:implement 2B
func (ps *proposals) decide(index, term uint64, result Result) {
	for len(ps.queue) > 0 && (ps.queue[0].term < term || ps.queue[0].index <= index) {
		p := ps.queue[0]
		ps.queue[0] = proposal{}
		ps.queue = ps.queue[1:]
		if p.index == index && p.term == term {
			p.done(result)
		} else {
			p.done(Result{Err: region.Stale(ps.regionID)})
		}
	}
}

// abandon answers all proposals with result.
func (ps *proposals) abandon(result Result) {
	for _, p := range ps.queue {
		p.done(result)
	}
	ps.queue = nil
}

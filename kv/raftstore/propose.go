package raftstore

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/raft"
)

// propose puts writes into the log, as one proposal, so that they travel
// together. A write that cannot be taken is answered at once; the others are
// proposed without it.
//
//lab:implement 2B
func (p *peer) propose(writes []*Write) {
	var (
		taken []*Write
		data  [][]byte
	)
	for _, w := range writes {
		if err := p.check(w.context, w.low, w.high); err != nil {
			w.done(err)
			continue
		}
		taken = append(taken, w)
		data = append(data, w.data)
	}
	if len(taken) == 0 {
		return
	}
	index, term, err := p.node.Propose(data...)
	for i, w := range taken {
		if err != nil {
			w.done(p.refusal(err))
			continue
		}
		p.proposals.add(proposal{index: index + uint64(i), term: term, done: w.done})
	}
}

// check returns an error if a request with the context rc that touches keys is
// not for this peer (leads), or does not fit the region (region.Check).
//
//lab:implement 2B
func (p *peer) check(rc *kvrpcpb.Context, keys ...[]byte) error {
	if err := p.leads(rc); err != nil {
		return err
	}
	if err := region.Check(p.region(), rc.RegionEpoch, keys...); err != nil {
		return p.withHalves(err, rc.RegionEpoch)
	}
	return nil
}

// maxHalves bounds how many regions an error names beside the region that was asked for.
const maxHalves = 16

// withHalves adds to an EpochNotMatch, the answer to a request made at epoch, the regions
// that splits have made of the rest of the range. Without them a client finds its way in
// the left half only, and must wait until the scheduler has heard of the right one. There
// were as many splits as versions. What this store does not have is left out.
func (p *peer) withHalves(err error, epoch *metapb.RegionEpoch) error {
	refused, ok := errors.Cause(err).(*region.Error)
	if !ok || refused.Err.GetEpochNotMatch() == nil || epoch == nil {
		return err
	}
	r := p.region()
	if splits := r.RegionEpoch.Version - epoch.Version; epoch.Version < r.RegionEpoch.Version {
		halves := p.store.directory.following(r, int(min(splits, maxHalves)))
		return region.EpochNotMatch(append([]*metapb.Region{r}, halves...)...)
	}
	return err
}

// leads returns an error if a request with the context rc is not for this peer: it
// is for another store, the peer is not the leader, or the request was made for
// an earlier leader's term.
//
//lab:implement 2B
func (p *peer) leads(rc *kvrpcpb.Context) error {
	status := p.node.BasicStatus()
	switch store := rc.Peer.GetStoreId(); {
	case store != 0 && store != p.store.cfg.StoreID:
		return region.StoreNotMatch(store, p.store.cfg.StoreID)
	case status.RaftState != raft.StateLeader:
		return p.notLeader()
	case rc.Term != 0 && rc.Term < status.Term:
		return region.Stale(p.region().Id)
	}
	return nil
}

// notLeader returns the error that sends a client to the leader, if it is
// known.
func (p *peer) notLeader() error {
	return region.NotLeader(p.region().Id, region.Peer(p.region(), p.node.BasicStatus().Lead))
}

// refusal returns the error that a client gets if Raft refuses its proposal
// with err. A leader that is handing over is still the leader: a client that is
// sent elsewhere would be sent back at once, and would spin between the two.
func (p *peer) refusal(err error) error {
	switch errors.Cause(err) {
	case raft.ErrNotLeader:
		return p.notLeader()
	case raft.ErrLeaderTransfer:
		return region.Busy("the leader of the region is handing over its leadership")
	case raft.ErrConfChangePending:
		return region.Busy("another change of the region's members is under way")
	}
	return err
}

// A proposal is a write that was appended to the leader's log and is not
// applied yet.
type proposal struct {
	index, term uint64
	done        func(error)
}

// proposals are the proposals of one peer in the order in which they were made:
// terms ascend, and so do indexes within a term. Only an applied entry decides
// about them. The loss of leadership does not: the next leader may still commit
// what this one has proposed.
type proposals struct {
	regionID uint64
	queue    []proposal
}

func (ps *proposals) add(p proposal) { ps.queue = append(ps.queue, p) }

// decide answers the proposals whose outcome is known now that entry (index,
// term) is applied. The proposal of that entry gets err. A proposal for an
// earlier index is gone for good, and so is each of an earlier term, whatever
// its index: the terms in a log never decrease.
//
//lab:implement 2B
func (ps *proposals) decide(index, term uint64, err error) {
	for len(ps.queue) > 0 && (ps.queue[0].term < term || ps.queue[0].index <= index) {
		p := ps.queue[0]
		ps.queue[0] = proposal{}
		ps.queue = ps.queue[1:]
		if p.index == index && p.term == term {
			p.done(err)
		} else {
			p.done(region.Stale(ps.regionID))
		}
	}
}

// abandon answers all proposals with err.
func (ps *proposals) abandon(err error) {
	for _, p := range ps.queue {
		p.done(err)
	}
	ps.queue = nil
}

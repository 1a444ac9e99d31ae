package raftstore

import (
	"bytes"
	"slices"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/raft"
)

// A Scheduler manages the cluster, as a store sees it. Its methods never block, and what
// they ask may be lost. Answers come back through the methods of the store, on any
// goroutine, and may be late, repeated or for what is no longer so.
type Scheduler interface {
	// RegionHeartbeat reports a region that has its leader here. The answer, if there is
	// one, goes to Store.Order.
	RegionHeartbeat(*schedulerpb.RegionHeartbeatRequest)
	// StoreHeartbeat reports the store. The scheduler adds what a store cannot know,
	// such as the capacity of its disk.
	StoreHeartbeat(*schedulerpb.StoreStats)
	// AskSplit asks for the ids that a region needs to be split. The answer goes to
	// Store.SplitIDs.
	AskSplit(*schedulerpb.AskSplitRequest)
	// FindRegion asks for a region as the scheduler knows it. The answer goes to
	// Store.Found.
	FindRegion(regionID uint64)
}

// Ticks between reports, if the configuration does not say.
const (
	defaultRegionHeartbeatTicks = 20
	defaultStoreHeartbeatTicks  = 50
)

// Order gives a leader what the scheduler wants of it. An order that is based on another
// epoch than the present one is ignored.
func (s *Store) Order(o *schedulerpb.RegionHeartbeatResponse) {
	s.do(o.GetRegionId(), func(p *peer) { p.obey(o) })
}

// SplitIDs gives a leader the ids for the split of its region, as it was when the leader
// asked for them.
func (s *Store) SplitIDs(asked *metapb.Region, ids *schedulerpb.AskSplitResponse) {
	s.do(asked.GetId(), func(p *peer) { p.splitInto(asked, ids) })
}

// Found gives the peer of a region what the scheduler knows of the region.
func (s *Store) Found(r *metapb.Region) {
	s.do(r.GetId(), func(p *peer) { p.found(r) })
}

// A report is what a peer has told the scheduler.
type report struct {
	// ticks counts since the last report. due is true if the region has changed since,
	// or the peer has become leader.
	ticks int
	due   bool
	// held is the number of ticks for which a new leader still waits with its first
	// report until it knows the logs of all members.
	held int
}

// reportToScheduler tells the scheduler what it has to know, some ticks later.
func (p *peer) reportToScheduler(ticks int) {
	p.report.ticks += ticks
	p.report.held -= min(p.report.held, ticks)
	switch {
	case len(p.leaving) > 0:
		// The scheduler must not tell a removed peer to go before the removal is durable.
		return
	case p.report.held > 0 && !p.knowsLogs():
		return
	}
	if p.led && (p.report.due || p.report.ticks >= p.store.cfg.RegionHeartbeatTicks) {
		p.report = report{}
		p.heartbeat()
		p.checkSize()
	}
}

// knowsLogs reports whether every member has acknowledged something to this leader. A
// leader that was just elected knows no log but its own: to it, all others seem to have
// nothing.
func (p *peer) knowsLogs() bool {
	progress := p.node.Status().Progress
	for _, member := range p.region().Peers {
		if member.Id != p.id && progress[member.Id].Match == 0 {
			return false
		}
	}
	return true
}

// heartbeat reports the region to the scheduler as it is now, with its leader, the term in
// which it leads, and the size. The term tells a scheduler that hears two leaders which of
// them is the later one. Members that lack entries that the log no longer has are pending:
// they wait for a snapshot. Others are not, however far behind they are.
//
// The first heartbeat of a leader comes once all members have acknowledged something to it,
// or after an election timeout (reportToScheduler). So a member with Match 0 is pending.
//
//lab:implement 3B
func (p *peer) heartbeat() {
	r := p.region()
	request := &schedulerpb.RegionHeartbeatRequest{
		Region:          r,
		Leader:          region.Peer(r, p.id),
		Term:            p.node.BasicStatus().Term,
		ApproximateSize: p.size.estimate(),
	}
	progress := p.node.Status().Progress
	for _, peer := range r.Peers {
		if member, ok := progress[peer.Id]; ok && peer.Id != p.id && member.Match < p.storage.state.TruncatedIndex {
			request.PendingPeers = append(request.PendingPeers, peer)
		}
	}
	p.store.cfg.Scheduler.RegionHeartbeat(request)
}

// obey carries out an order of the scheduler, if it is meant for this peer (target_peer) and
// for the region as it is: both parts of the epoch are the present ones. ownRequest is the
// request to administer, askSplit the beginning of a split. An order that makes no sense is
// refused there. A peer that leads no longer needs no check here: administer refuses what it
// asks for, and ids that it is given for a split come to nothing.
//
//lab:implement 3B
func (p *peer) obey(o *schedulerpb.RegionHeartbeatResponse) {
	present := p.region().RegionEpoch
	if o.TargetPeer.GetId() != p.id || o.RegionEpoch.GetConfVer() != present.GetConfVer() || o.RegionEpoch.GetVersion() != present.GetVersion() {
		return // the region has changed since, and the scheduler will hear of it
	}
	a := p.ownRequest()
	switch {
	case o.ChangePeer != nil:
		a.ChangePeer = &raftserverpb.ChangePeer{Type: o.ChangePeer.ChangeType, Peer: o.ChangePeer.Peer}
	case o.TransferLeader.GetPeer() != nil:
		a.TransferLeader = o.TransferLeader.Peer
	case o.SplitRegion != nil:
		p.askSplit(o.SplitRegion.Key)
		return
	default:
		return
	}
	p.administer(a)
}

// ownRequest returns a request of the peer itself, for its region as it is now.
func (p *peer) ownRequest() *Admin {
	return &Admin{
		Context: &kvrpcpb.Context{RegionId: p.region().Id, RegionEpoch: p.region().RegionEpoch},
		Done: func(_ []*metapb.Region, err error) {
			if err != nil {
				p.logger.Info("the region was not changed", "reason", err)
			}
		},
	}
}

// askSplit asks the scheduler for the ids of a split at key (or before: SplitKey), or in
// the middle if key is empty.
func (p *peer) askSplit(key []byte) {
	if len(key) == 0 {
		p.measure(true)
		return
	}
	key = p.store.cfg.SplitKey(key)
	if r := p.region(); bytes.Equal(key, r.StartKey) || !region.Range(r).Contains(key) || len(key) > engine.MaxKeySize {
		return
	}
	p.size.splitKey = key
	p.store.cfg.Scheduler.AskSplit(&schedulerpb.AskSplitRequest{Region: p.region()})
}

// splitInto splits the region, with the ids that the scheduler has given for it, at the key
// that askSplit has remembered (p.size.splitKey): without one, no ids were asked for, or they
// have come before. They may also be for an earlier version of the region, or make no sense.
//
// As long as splitKey is set, checkSize asks for ids with each report. So splitInto forgets the
// key, whatever becomes of the request. (The split itself forgets it, too: regionSize.split.)
// If the region is not split then, it has to be measured again: measured is false.
//
//lab:implement 3B
func (p *peer) splitInto(asked *metapb.Region, ids *schedulerpb.AskSplitResponse) {
	key := p.size.splitKey
	if key == nil || asked.GetRegionEpoch().GetVersion() != p.region().RegionEpoch.GetVersion() {
		return
	}
	// Whatever becomes of the request, this attempt is over. If the region stays as it is,
	// it is measured again.
	p.size.splitKey, p.size.measured = nil, false
	a := p.ownRequest()
	a.Split = &raftserverpb.Split{Key: key, NewRegionId: ids.GetNewRegionId(), NewPeerIds: ids.GetNewPeerIds()}
	p.administer(a)
}

// A regionSize is what a peer knows about the size of its region, in bytes of keys and
// values. It is an estimate: to know exactly is to read everything. It counts what was
// written since it was last measured, and a value that replaces another one counts in
// full, so it is rather too large.
type regionSize struct {
	known    uint64 // when it was measured, or by halving
	grown    uint64 // by what was written since
	measured bool

	measuring bool
	// splitKey is where the region is to be split. The peer asks for the ids until the
	// region is split.
	splitKey []byte
}

func (s *regionSize) estimate() uint64 { return s.known + s.grown }

func (s *regionSize) add(bytes int) { s.grown += uint64(bytes) }

// split makes it the size of one of two halves.
func (s *regionSize) split() { *s = regionSize{known: s.estimate() / 2, measuring: s.measuring} }

// checkSize measures the region if its size is not known, or may be too large by now, or
// asks again for the ids to split it.
func (p *peer) checkSize() {
	switch limit := p.store.cfg.SplitSize; {
	case p.size.splitKey != nil:
		p.askSplit(p.size.splitKey)
	case !p.size.measured, limit > 0 && p.size.estimate() > limit && p.size.grown > limit/8:
		p.measure(false)
	}
}

// measure reads the region in the background, and asks for a split if the region is
// larger than it should be, or demanded is true.
func (p *peer) measure(demanded bool) {
	if p.size.measuring {
		return
	}
	p.size.measuring = true
	r, cfg, grown := p.region(), &p.store.cfg, p.size.grown
	p.inBackground(func() func(*peer) {
		size, middle, err := measureRegion(cfg.KVEngine, region.Range(r), cfg.SplitKey)
		return func(p *peer) {
			p.size.measuring = false
			if err != nil {
				p.logger.Warn("cannot measure the region", "error", err)
				return
			}
			if p.region().RegionEpoch.Version != r.RegionEpoch.Version {
				return // it was split meanwhile
			}
			p.size.known, p.size.measured = size, true
			p.size.grown -= min(p.size.grown, grown)
			limit := p.store.cfg.SplitSize
			if middle != nil && (demanded || limit > 0 && size > limit) && p.node.BasicStatus().RaftState == raft.StateLeader {
				p.askSplit(middle)
			}
		}
	})
}

// measureRegion returns the size of what kv has in a range, and a key that cuts it in
// about two halves, or nil if there are not two keys. splitKey is as in Config.
func measureRegion(kv engine.Engine, within engine.Range, splitKey func([]byte) []byte) (size uint64, middle []byte, err error) {
	view, err := kv.Snapshot()
	if err != nil {
		return 0, nil, err
	}
	defer view.Close()
	var iterators []engine.Iterator
	defer func() {
		for _, it := range iterators {
			if e := it.Close(); err == nil {
				err = e
			}
		}
	}()
	for _, cf := range engine.Families {
		it, err := view.Iterate(cf, within)
		if err != nil {
			return 0, nil, err
		}
		iterators = append(iterators, it)
		it.Seek(within.Start)
	}
	// The families are walked together, in the order of keys, so that a key is a place in
	// all of them. Marks are keys with what is before them, at equal distances.
	var (
		marks    []mark
		distance uint64 = 1
		last     []byte
	)
	for {
		var next engine.Iterator
		for _, it := range iterators {
			if it.Valid() && (next == nil || bytes.Compare(it.Key(), next.Key()) < 0) {
				next = it
			}
		}
		if next == nil {
			break
		}
		key := splitKey(next.Key())
		if last != nil && !bytes.Equal(key, last) && size >= uint64(len(marks)+1)*distance {
			if len(marks) == maxMarks {
				for i := range maxMarks / 2 {
					marks[i] = marks[2*i+1]
				}
				marks = marks[:maxMarks/2]
				distance *= 2
			}
			marks = append(marks, mark{slices.Clone(key), size})
		}
		last = append(last[:0], key...)
		size += uint64(len(next.Key()) + len(next.Value()))
		next.Next()
	}
	for _, m := range marks {
		if middle = m.key; m.before*2 >= size {
			break
		}
	}
	return size, middle, nil
}

// A mark is a key, and the size of what is before it.
type mark struct {
	key    []byte
	before uint64
}

// maxMarks is how finely a region is divided when its middle is looked for.
const maxMarks = 128

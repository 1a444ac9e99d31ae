package storesim

import (
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/lab/check"
)

// The rules of logs.
const (
	RuleLogIsCompacted = "a log is compacted soon, in memory and on the disk"
	RuleLogIsOnDisk    = "the log that a store reports is the log on its disk"
	RuleLogGoesForward = "what has left a log never comes back"
)

// spared is how many times MaxLogEntries applied entries a log may keep, for
// whatever reason.
const spared = 8

// A logStatus is what was observed of a log at some time.
type logStatus struct {
	at             time.Duration
	first, applied uint64
}

// soon is how long a compaction may take. The store may be deleting what an
// earlier one has dropped, a tick must come, and the data must be synced: that
// is slow work twice. A store may need twice as much.
func soon(s *store) time.Duration {
	setting := s.env.Setting
	return 10*setting.Tick + 4*(setting.SlowWork+setting.Disk)
}

// watchLog checks the log of s's peer p, which is idle.
func watchLog(s *store, p *peer, st raftstore.Status) error {
	before := p.status
	if st.FirstIndex < before.FirstIndex {
		return &check.Violation{Rule: RuleLogGoesForward, Found: fmt.Sprintf(
			"the log of region %d on store %d began at index %d, and now it begins at index %d",
			p.region, s.id, before.FirstIndex, st.FirstIndex)}
	}
	if before.Term == 0 {
		p.began = st.FirstIndex
	}
	// A store that starts may find that a snapshot was installed, and that the
	// raft engine does not know it yet. It need not write that at once: another
	// start finds the same. So is it with a peer that had no data, and gets those that a
	// split has for it: its log begins after index 1.
	empty := st.LastIndex+1 == st.FirstIndex
	found := empty && st.FirstIndex == p.began
	born := empty && st.LastIndex == 1 && before.LastIndex == 0
	if !found && !born && (st.FirstIndex != before.FirstIndex || st.LastIndex != before.LastIndex) {
		disk, err := raftstore.LoadRaftState(s.log, p.region)
		if err != nil {
			return nil // the disk is gone
		}
		if first := disk.TruncatedIndex + 1; first != st.FirstIndex || disk.LastIndex != st.LastIndex {
			return &check.Violation{Rule: RuleLogIsOnDisk, Found: fmt.Sprintf(
				"store %d says that the log of region %d has entries %d to %d, but the state in its raft engine says that it has entries %d to %d",
				s.id, p.region, st.FirstIndex, st.LastIndex, first, disk.LastIndex)}
		}
	}
	if !s.system.opts.ShortLogs {
		return nil
	}
	return watchLength(s, p, st)
}

// watchLength checks that the log of s's peer p does not have too many entries
// that were applied long ago, and that the raft engine has no others.
func watchLength(s *store, p *peer, st raftstore.Status) error {
	now, limit := s.env.Now(), spared*s.system.opts.MaxLogEntries
	past := p.past
	if n := len(past); n == 0 || past[n-1].applied != st.Applied || past[n-1].first != st.FirstIndex {
		past = append(past, logStatus{now, st.FirstIndex, st.Applied})
	}
	// The first is what was true so long ago that it is time to have acted on it.
	for len(past) > 1 && now-past[1].at >= soon(s) {
		past = past[1:]
	}
	p.past = past
	old := past[0]
	if now-old.at < soon(s) {
		return nil
	}
	if old.applied >= st.FirstIndex+limit {
		return &check.Violation{Rule: RuleLogIsCompacted, Found: fmt.Sprintf(
			"the log of region %d on store %d begins at index %d, although entries up to %d had been applied at %.3fs already; with at most %d kept, it may have %d of them",
			p.region, s.id, st.FirstIndex, old.applied, old.at.Seconds(), s.system.opts.MaxLogEntries, limit)}
	}
	return watchBytes(s, p, st, old)
}

// watchBytes checks that the raft engine holds nothing but logs and what belongs
// to them. old was true of the log of s's peer p so long ago that what had left
// the log by then should be gone.
func watchBytes(s *store, p *peer, st raftstore.Status, old logStatus) error {
	// Entries of clients are small, so a look at the bytes saves most looks at
	// the entries.
	const small, others = 100, 8 << 10
	limit := spared * s.system.opts.MaxLogEntries
	bytes, err := s.log.ApproximateSize(raftstore.RaftFamilies[0], engine.Range{})
	if err != nil || len(s.peers) > 1 || bytes < others+small*(st.LastIndex+1-old.first) {
		return nil
	}
	var left []uint64
	var size uint64
	for i := uint64(1); i <= st.LastIndex; i++ {
		e, err := raftstore.LoadEntry(s.log, p.region, i)
		if err != nil {
			return nil
		}
		if e != nil {
			size += uint64(proto.Size(e)) + 32 // for its key
		}
		if e != nil && i < old.first {
			left = append(left, i)
		}
	}
	switch {
	case uint64(len(left)) > limit:
		return &check.Violation{Rule: RuleLogIsCompacted, Found: fmt.Sprintf(
			"the log of region %d on store %d has begun at index %d since %.3fs or earlier, but its raft engine still holds %d entries before that, from %d to %d",
			p.region, s.id, old.first, old.at.Seconds(), len(left), slices.Min(left), slices.Max(left))}
	case bytes > size+others:
		return &check.Violation{Rule: RuleLogIsCompacted, Found: fmt.Sprintf(
			"the raft engine of store %d holds %d bytes, of which the entries of region %d up to %d are only %d",
			s.id, bytes, p.region, st.LastIndex, size)}
	}
	return nil
}

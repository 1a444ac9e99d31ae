package replicated

import (
	"context"

	"github.com/labkv/labkv/kv/raftstore"
	"github.com/labkv/labkv/kv/raftstore/transport"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// Inspect returns the state of every peer of the store, in the order of their
// regions' keys. The peers answer between other work, each for a moment of its
// own. The error is ctx's, or storage.ErrNotRunning if the store has ended.
func (s *Storage) Inspect(ctx context.Context) ([]raftstore.Inspection, error) {
	i := s.instance()
	if i == nil {
		return nil, storage.ErrNotRunning
	}
	ids := i.store.Peers()
	answers := make(chan raftstore.Inspection, len(ids)) // so that no peer waits
	places := map[uint64]int{}
	for _, id := range ids {
		// A peer that has gone meanwhile is not there.
		if i.store.Inspect(id, func(answer raftstore.Inspection) { answers <- answer }) {
			places[id] = len(places)
		}
	}
	inspections := make([]raftstore.Inspection, len(places))
	for range places {
		select {
		case answer := <-answers:
			inspections[places[answer.Region.Id]] = answer
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-i.stopping:
			return nil, storage.ErrNotRunning
		case <-i.failed:
			return nil, storage.ErrNotRunning
		}
	}
	if i.store.Err() != nil {
		return nil, storage.ErrNotRunning
	}
	return inspections, nil
}

// Status returns the state of the store as Inspect has it, in the form of the
// service raftserverpb.Inspect.
func (s *Storage) Status(ctx context.Context) (*raftserverpb.StoreStatus, error) {
	inspections, err := s.Inspect(ctx)
	if err != nil {
		return nil, err
	}
	status := &raftserverpb.StoreStatus{ClusterId: s.cfg.ClusterID, StoreId: s.cfg.StoreID}
	for _, i := range inspections {
		status.Peers = append(status.Peers, &raftserverpb.PeerStatus{
			Region:             i.Region,
			PeerId:             i.ID,
			Role:               role(i.RaftState),
			Leader:             i.Lead,
			Term:               i.Term,
			Commit:             i.Commit,
			Applied:            i.Status.Applied,
			FirstIndex:         i.FirstIndex,
			LastIndex:          i.LastIndex,
			MakingSnapshot:     i.MakingSnapshot,
			InstallingSnapshot: i.Installing,
			SnapshotIndex:      i.SnapshotIndex,
			ApproximateSize:    i.Size,
		})
	}
	return status, nil
}

func role(s raft.StateType) raftserverpb.PeerStatus_Role {
	switch s {
	case raft.StateLeader:
		return raftserverpb.PeerStatus_LEADER
	case raft.StateCandidate:
		return raftserverpb.PeerStatus_CANDIDATE
	default:
		return raftserverpb.PeerStatus_FOLLOWER
	}
}

// Traffic counts what has gone between this store and the others since it was
// started.
type Traffic struct {
	// Drops are the messages, snapshots and streams that were dropped.
	Drops map[transport.DropReason]uint64
	// SnapshotsSent and SnapshotsReceived have arrived.
	SnapshotsSent, SnapshotsReceived uint64
}

// Traffic returns the counts; all are 0 while the storage does not run.
func (s *Storage) Traffic() Traffic {
	i := s.instance()
	if i == nil {
		return Traffic{}
	}
	t := Traffic{Drops: i.transport.Drops()}
	t.SnapshotsSent, t.SnapshotsReceived = i.transport.Snapshots()
	return t
}

package check

import (
	"fmt"

	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/metapb"
)

// The rules of Members.
const (
	RuleOnePeer   = "a store has at most one peer of a region, and a region at most one peer on a store"
	RuleStaysGone = "a peer that has left a store never comes back to it, and no earlier one does"
	RuleNoSay     = "a peer that has applied its removal neither leads nor serves, and one that has left its store does not vote"
)

// Members watches which peers of regions there are. Peer ids ascend, and none is
// used twice, so an id says which of two peers of a region came later.
type Members struct {
	// buried is the highest id of the peers that have left a store, and kept is
	// what of it is durable.
	buried, kept map[place]uint64
	// removed are the peers that know that they were removed.
	removed map[Replica]bool
	// homes are the stores of peers.
	homes map[groupPeer]uint64
}

// A place is where a store has room for one peer of a group.
type place struct{ group, store uint64 }

type groupPeer struct{ group, peer uint64 }

// NewMembers returns a watcher that has seen nothing yet.
func NewMembers() *Members {
	return &Members{buried: map[place]uint64{}, kept: map[place]uint64{}, removed: map[Replica]bool{}, homes: map[groupPeer]uint64{}}
}

// Present is told that there is a peer.
func (m *Members) Present(r Replica) error {
	if gone := m.buried[place{r.Group, r.Store}]; r.Peer <= gone {
		return &Violation{Rule: RuleStaysGone, Found: fmt.Sprintf(
			"store %d has peer %d of region %d, although peer %d of that region has left the store", r.Store, r.Peer, r.Group, gone)}
	}
	return m.lives(groupPeer{r.Group, r.Peer}, r.Store)
}

func (m *Members) lives(p groupPeer, store uint64) error {
	if home, known := m.homes[p]; known && home != store {
		return &Violation{Rule: RuleOnePeer, Found: fmt.Sprintf(
			"peer %d of region %d is on store %d, and was on store %d before", p.peer, p.group, store, home)}
	}
	m.homes[p] = store
	return nil
}

// Applied is told of the region as a peer has applied it, when everything that came
// before is over: if the peer is not a member, it must not act like one from then on.
func (m *Members) Applied(r Replica, now *metapb.Region) error {
	on := map[uint64]uint64{}
	for _, p := range now.Peers {
		if other, twice := on[p.StoreId]; twice {
			return &Violation{Rule: RuleOnePeer, Found: fmt.Sprintf(
				"region %d has two peers on store %d: %d and %d", now.Id, p.StoreId, other, p.Id)}
		}
		on[p.StoreId] = p.Id
		if err := m.lives(groupPeer{now.Id, p.Id}, p.StoreId); err != nil {
			return err
		}
	}
	if region.Peer(now, r.Peer) != nil {
		return nil
	}
	if len(now.Peers) > 0 {
		m.removed[r] = true
	}
	if here := region.PeerOn(now, r.Store); here != nil {
		return &Violation{Rule: RuleOnePeer, Found: fmt.Sprintf(
			"on store %d, peer %d of region %d has applied that peer %d is the one there", r.Store, r.Peer, r.Group, here.Id)}
	}
	return nil
}

// Gone is told that a peer has left its store for good, with a record of that.
func (m *Members) Gone(r Replica) {
	at := place{r.Group, r.Store}
	m.buried[at] = max(m.buried[at], r.Peer)
}

// Votes is told that a peer votes for another one. It may do so after it was removed, as
// long as members may not know of that and count its vote, but not once it is gone.
func (m *Members) Votes(r Replica) error {
	if gone := m.buried[place{r.Group, r.Store}]; r.Peer <= gone {
		return &Violation{Rule: RuleNoSay, Found: fmt.Sprintf(
			"peer %d of region %d on store %d votes, although peer %d of that region has left the store", r.Peer, r.Group, r.Store, gone)}
	}
	return nil
}

// Acts is told that a peer does something that only members may do, such as
// "asks for votes".
func (m *Members) Acts(r Replica, does string) error {
	switch gone := m.buried[place{r.Group, r.Store}]; {
	case r.Peer <= gone:
		return &Violation{Rule: RuleNoSay, Found: fmt.Sprintf(
			"peer %d of region %d on store %d %s, although peer %d of that region has left the store", r.Peer, r.Group, r.Store, does, gone)}
	case m.removed[r]:
		return &Violation{Rule: RuleNoSay, Found: fmt.Sprintf(
			"peer %d of region %d on store %d %s, although it has applied that it was removed", r.Peer, r.Group, r.Store, does)}
	}
	return nil
}

// Synced is told that all of a store's records are durable.
func (m *Members) Synced(store uint64) {
	for at, peer := range m.buried {
		if at.store == store {
			m.kept[at] = peer
		}
	}
}

// Start is told that an incarnation of a store starts. What the one before has not
// made durable may be undone.
func (m *Members) Start(store uint64) {
	for at := range m.buried {
		if at.store != store {
			continue
		}
		if m.buried[at] = m.kept[at]; m.kept[at] == 0 {
			delete(m.buried, at)
		}
	}
	for r := range m.removed {
		if r.Store == store {
			delete(m.removed, r)
		}
	}
}

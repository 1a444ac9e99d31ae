package main

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// atRest returns a cluster that is well: four stores in service and one that is gone,
// four regions, each with peers on three stores, of which the first leads.
func atRest() (*status, inspection) {
	s := &status{}
	for id := uint64(1); id <= 4; id++ {
		s.Stores = append(s.Stores, storeStatus{ID: id, State: "up", Peers: 3, Leaders: 1})
	}
	s.Stores = append(s.Stores, storeStatus{ID: 5, State: "tombstone"})
	inspected := inspection{}
	bounds := []string{"", "61", "62", "63", ""}
	for i := range uint64(4) {
		r := regionStatus{ID: 10 + i, StartKey: bounds[i], EndKey: bounds[i+1], Leader: 100 + 10*i}
		for n := range uint64(3) {
			peer := peerStatus{ID: 100 + 10*i + n, Store: (i+n)%4 + 1}
			r.Peers = append(r.Peers, peer)
			p := &raftserverpb.PeerStatus{Region: &metapb.Region{Id: r.ID}, PeerId: peer.ID}
			if n == 0 {
				p.Role = raftserverpb.PeerStatus_LEADER
			}
			inspected[peer.Store] = append(inspected[peer.Store], p)
		}
		s.Regions = append(s.Regions, r)
	}
	return s, inspected
}

func TestDemands(t *testing.T) {
	s, inspected := atRest()
	require.Empty(t, demands(s, inspected, 4))

	for problem, spoil := range map[string]func(*status, inspection){
		"3 stores are in service, not 4":                           func(s *status, _ inspection) { s.Stores[1].State = "tombstone" },
		"store 2 is disconnected":                                  func(s *status, _ inspection) { s.Stores[1].State = "disconnected" },
		"store 5 is offline":                                       func(s *status, _ inspection) { s.Stores[4].State = "offline" },
		"stores have from 3 to 6 peers":                            func(s *status, _ inspection) { s.Stores[0].Peers = 6 },
		"region 11 is being changed: too full":                     func(s *status, _ inspection) { s.Operators = []operatorStatus{{11, "too full"}} },
		`region 12 begins at key "62", and the one before it ends`: func(s *status, _ inspection) { s.Regions[1].EndKey = "6170" },
		`region 11 begins at key "61", and the one before it ends`: func(s *status, _ inspection) { s.Regions[0].EndKey = "" },
		`the regions do not cover the keys from "63" on`:           func(s *status, _ inspection) { s.Regions = s.Regions[:3] },
		`the regions do not cover the keys from "" on`:             func(s *status, _ inspection) { s.Regions = nil },
		"region 10 has 2 peers, not 3":                             func(s *status, _ inspection) { s.Regions[0].Peers = s.Regions[0].Peers[:2] },
		"region 10 has peers that are far behind [102], or down":   func(s *status, _ inspection) { s.Regions[0].Pending = []uint64{102} },
		"far behind [], or down [101]":                             func(s *status, _ inspection) { s.Regions[0].Down = []uint64{101} },
		"region 10 has a peer on store 5":                          func(s *status, _ inspection) { s.Regions[0].Peers[2].Store = 5 },
		"region 13 has no leader":                                  func(s *status, _ inspection) { s.Regions[3].Leader = 0 },
		"store 3 does not answer":                                  func(_ *status, i inspection) { delete(i, 3) },
		"store 1 has no peer of region 1":                          func(_ *status, i inspection) { i[1] = i[1][1:] },
		"store 1 has a peer of region 99": func(_ *status, i inspection) {
			i[1] = append(i[1], &raftserverpb.PeerStatus{Region: &metapb.Region{Id: 99}})
		},
		"store 2 and the scheduler do not agree whether it leads region 10": func(_ *status, i inspection) {
			i[2][0].Role = raftserverpb.PeerStatus_LEADER
		},
		"store 1 is installing a snapshot of region 10": func(_ *status, i inspection) { i[1][0].InstallingSnapshot = true },
	} {
		s, inspected := atRest()
		spoil(s, inspected)
		require.Contains(t, strings.Join(demands(s, inspected, 4), "\n"), problem)
	}
}

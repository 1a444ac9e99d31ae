package main

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"

	"github.com/labkv/labkv/proto/raftserverpb"
)

// A status is what the soak needs of what the scheduler says at /status.
type status struct {
	Stores    []storeStatus    `json:"stores"`  // by id
	Regions   []regionStatus   `json:"regions"` // by key
	Operators []operatorStatus `json:"operators"`
}

type storeStatus struct {
	ID      uint64 `json:"id"`
	Address string `json:"address"`
	State   string `json:"state"`
	Peers   int    `json:"peers"`
	Leaders int    `json:"leaders"`
	Size    uint64 `json:"size_bytes"`
}

type regionStatus struct {
	ID       uint64       `json:"id"`
	StartKey string       `json:"start_key"`
	EndKey   string       `json:"end_key"`
	Peers    []peerStatus `json:"peers"`
	Leader   uint64       `json:"leader"` // id of the peer
	Pending  []uint64     `json:"pending"`
	Down     []uint64     `json:"down"`
}

type peerStatus struct {
	ID    uint64 `json:"id"`
	Store uint64 `json:"store"`
}

type operatorStatus struct {
	Region uint64 `json:"region"`
	Desc   string `json:"desc"`
}

// store returns the store with an id, or nil.
func (s *status) store(id uint64) *storeStatus {
	i := slices.IndexFunc(s.Stores, func(store storeStatus) bool { return store.ID == id })
	if i < 0 {
		return nil
	}
	return &s.Stores[i]
}

// serving returns the stores in service.
func (s *status) serving() []storeStatus {
	return slices.DeleteFunc(slices.Clone(s.Stores), func(store storeStatus) bool { return store.State != "up" })
}

// extremes returns the numbers of peers on the stores in service that have the fewest and
// the most.
func (s *status) extremes() (least, most int) {
	peers := s.peers()
	if len(peers) == 0 {
		return 0, 0
	}
	return slices.Min(peers), slices.Max(peers)
}

// peers returns the numbers of peers on the stores in service.
func (s *status) peers() []int {
	var all []int
	for _, store := range s.serving() {
		all = append(all, store.Peers)
	}
	return all
}

// String says in one line how far the cluster is.
func (s *status) String() string {
	return fmt.Sprintf("%d regions, with %s peers on the %d stores in service, and %d changes under way",
		len(s.Regions), strings.Trim(fmt.Sprint(s.peers()), "[]"), len(s.serving()), len(s.Operators))
}

// An inspection is what stores say of their peers, by the ids of stores.
type inspection map[uint64][]*raftserverpb.PeerStatus

// At rest a store may have maxImbalance times as many peers as another one, and maxGap more
// in any case: a balancer moves no peer if the two stores differed by as much, the other way
// round, afterwards.
const (
	maxImbalance = 1.2
	maxGap       = 2
)

// demands returns what is wrong with a cluster that should have come to rest, a sentence
// each. So many stores should be in service, and none be left half removed.
func demands(s *status, inspected inspection, stores int) []string {
	var problems []string
	problem := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }

	serving := s.serving()
	if len(serving) != stores {
		problem("%d stores are in service, not %d", len(serving), stores)
	}
	for _, store := range s.Stores {
		if store.State != "up" && store.State != "tombstone" {
			problem("store %d is %s", store.ID, store.State)
		}
	}
	if least, most := s.extremes(); float64(most) > max(maxImbalance*float64(least), float64(least+maxGap)) {
		problem("stores have from %d to %d peers: the most should be at most %.1f times the fewest, or %d more", least, most, maxImbalance, maxGap)
	}
	for _, o := range s.Operators {
		problem("region %d is being changed: %s", o.Region, o.Desc)
	}

	// What the scheduler knows of regions.
	end := ""
	leaders := map[uint64]uint64{}        // stores by region
	places := map[uint64]map[uint64]int{} // how often a region should be on a store
	for _, store := range serving {
		places[store.ID] = map[uint64]int{}
	}
	for i, r := range s.Regions {
		if r.StartKey != end || i > 0 && end == "" {
			problem("region %d begins at key %q, and the one before it ends at %q", r.ID, r.StartKey, end)
		}
		end = r.EndKey
		if len(r.Peers) != replicas {
			problem("region %d has %d peers, not %d", r.ID, len(r.Peers), replicas)
		}
		if len(r.Pending)+len(r.Down) > 0 {
			problem("region %d has peers that are far behind %v, or down %v", r.ID, r.Pending, r.Down)
		}
		for _, p := range r.Peers {
			if places[p.Store] == nil {
				problem("region %d has a peer on store %d, which is not in service", r.ID, p.Store)
				continue
			}
			places[p.Store][r.ID]++
			if p.ID == r.Leader {
				leaders[r.ID] = p.Store
			}
		}
		if leaders[r.ID] == 0 {
			problem("region %d has no leader", r.ID)
		}
	}
	if len(s.Regions) == 0 || end != "" {
		problem("the regions do not cover the keys from %q on", end)
	}

	// What stores say of themselves.
	for _, store := range serving {
		peers, answered := inspected[store.ID]
		if !answered {
			problem("store %d does not answer", store.ID)
			continue
		}
		missing := places[store.ID]
		for _, p := range peers {
			id := p.Region.GetId()
			if missing[id] == 0 {
				problem("store %d has a peer of region %d, of which the scheduler does not know", store.ID, id)
			}
			delete(missing, id)
			if leads := p.Role == raftserverpb.PeerStatus_LEADER; leads != (leaders[id] == store.ID) {
				problem("store %d and the scheduler do not agree whether it leads region %d", store.ID, id)
			}
			if p.InstallingSnapshot {
				problem("store %d is installing a snapshot of region %d", store.ID, id)
			}
		}
		for id := range missing {
			problem("store %d has no peer of region %d, which the scheduler believes to be there", store.ID, id)
		}
	}
	return problems
}

// table shows the stores.
func (s *status) table(t *trial) string {
	w := table.NewWriter()
	w.SetStyle(table.StyleLight)
	w.Style().Format.Header = text.FormatDefault
	w.AppendHeader(table.Row{"process", "store", "state", "peers", "leads", "kB", "kills"})
	var columns []table.ColumnConfig
	for _, name := range []string{"store", "peers", "leads", "kB", "kills"} {
		columns = append(columns, table.ColumnConfig{Name: name, Align: text.AlignRight, AlignHeader: text.AlignRight})
	}
	w.SetColumnConfigs(columns)
	for _, m := range t.members {
		row := table.Row{m.Name, "", "", "", "", "", t.kills[m]}
		for _, store := range s.Stores {
			if store.Address == m.Addr {
				row = table.Row{m.Name, store.ID, store.State, store.Peers, store.Leaders, store.Size >> 10, t.kills[m]}
			}
		}
		w.AppendRow(row)
	}
	return w.Render()
}

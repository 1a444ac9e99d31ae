package server

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

// Pages serves what those who watch over a cluster ask over HTTP: /status is what
// the scheduler knows, as JSON; /metrics are numbers for Prometheus; /livez and
// /healthz say whether the process lives, /readyz whether ready returns no error.
func (s *Server) Pages(ready func() error) *http.ServeMux {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics.registry, promhttp.HandlerOpts{}))
	alive := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "alive") }
	mux.HandleFunc("GET /livez", alive)
	mux.HandleFunc("GET /healthz", alive)
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		e := json.NewEncoder(w)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		_ = e.Encode(jsonOf(s.Status())) // an error means that the client has gone
	})
	return mux
}

// The JSON form of a Status. Numbers keep their units: sizes are in bytes, times in
// seconds, moments in RFC 3339. Keys are hexadecimal.
type (
	statusJSON struct {
		ClusterID    uint64           `json:"cluster_id"`
		Bootstrapped bool             `json:"bootstrapped"`
		MaxPeerCount int              `json:"max_peer_count"`
		GCSafePoint  uint64           `json:"gc_safe_point"`
		GCCleanPoint uint64           `json:"gc_clean_point"`
		Uptime       float64          `json:"uptime_seconds"`
		Complete     bool             `json:"complete"` // the regions cover all keys
		Stores       []storeJSON      `json:"stores"`
		Regions      []regionJSON     `json:"regions"`
		Operators    []operatorJSON   `json:"operators"`
		History      []operatorJSON   `json:"history"`
		Counts       scheduler.Counts `json:"counts"`
	}
	storeJSON struct {
		ID        uint64  `json:"id"`
		Address   string  `json:"address"`
		State     string  `json:"state"`
		Silence   float64 `json:"silence_seconds"`
		Peers     int     `json:"peers"`
		Leaders   int     `json:"leaders"`
		Pending   int     `json:"pending"`
		Incoming  int     `json:"incoming"`
		Size      uint64  `json:"size_bytes"`
		Capacity  uint64  `json:"capacity_bytes,omitempty"` // absent if the store did not say
		Available uint64  `json:"available_bytes,omitempty"`
	}
	regionJSON struct {
		ID       uint64     `json:"id"`
		StartKey string     `json:"start_key"`
		EndKey   string     `json:"end_key"` // empty: to the last key
		ConfVer  uint64     `json:"conf_ver"`
		Version  uint64     `json:"version"`
		Peers    []peerJSON `json:"peers"`
		Leader   uint64     `json:"leader,omitempty"` // id of the peer; absent if not known
		Term     uint64     `json:"term,omitempty"`
		Pending  []uint64   `json:"pending,omitempty"` // ids of peers
		Down     []uint64   `json:"down,omitempty"`    // ids of peers
		Lost     bool       `json:"lost"`
		Size     uint64     `json:"size_bytes"`
	}
	peerJSON struct {
		ID    uint64 `json:"id"`
		Store uint64 `json:"store"`
	}
	operatorJSON struct {
		Region  uint64   `json:"region"`
		Kind    string   `json:"kind"`
		Desc    string   `json:"desc"`
		Status  string   `json:"status"` // running, success, timeout, cancel or replace
		Steps   []string `json:"steps"`
		Done    uint32   `json:"done"` // steps that have taken effect
		Created string   `json:"created"`
		Ended   string   `json:"ended,omitempty"`
		Reason  string   `json:"reason,omitempty"`
	}
)

func jsonOf(s *scheduler.Status) *statusJSON {
	j := &statusJSON{
		ClusterID:    s.ClusterID,
		Bootstrapped: s.Bootstrapped,
		MaxPeerCount: s.MaxPeerCount,
		GCSafePoint:  s.SafePoint,
		GCCleanPoint: s.CleanPoint,
		Uptime:       s.Uptime.Seconds(),
		Complete:     s.Complete,
		Stores:       []storeJSON{},
		Regions:      []regionJSON{},
		Operators:    operatorsJSON(s.Operators),
		History:      operatorsJSON(s.History),
		Counts:       s.Counts,
	}
	for _, st := range s.Stores {
		j.Stores = append(j.Stores, storeJSON{
			ID: st.ID, Address: st.Address, State: st.State, Silence: st.Silence.Seconds(),
			Peers: st.Peers, Leaders: st.Leaders, Pending: st.Pending, Incoming: st.Incoming, Size: st.Size,
			Capacity: st.Stats.GetCapacity(), Available: st.Stats.GetAvailable(),
		})
	}
	for _, r := range s.Regions {
		region := regionJSON{
			ID:       r.Region.GetId(),
			StartKey: hex.EncodeToString(r.Region.GetStartKey()),
			EndKey:   hex.EncodeToString(r.Region.GetEndKey()),
			ConfVer:  r.Region.GetRegionEpoch().GetConfVer(),
			Version:  r.Region.GetRegionEpoch().GetVersion(),
			Leader:   r.Leader.GetId(),
			Term:     r.Term,
			Pending:  idsOf(r.Pending),
			Down:     idsOf(r.Down),
			Lost:     r.Lost,
			Size:     r.Size,
		}
		for _, p := range r.Region.GetPeers() {
			region.Peers = append(region.Peers, peerJSON{p.Id, p.StoreId})
		}
		j.Regions = append(j.Regions, region)
	}
	return j
}

func idsOf(peers []*metapb.Peer) []uint64 {
	var ids []uint64
	for _, p := range peers {
		ids = append(ids, p.Id)
	}
	return ids
}

func operatorsJSON(operators []*schedulerpb.Operator) []operatorJSON {
	list := []operatorJSON{}
	for _, o := range operators {
		list = append(list, operatorJSON{
			Region: o.RegionId, Kind: o.Kind, Desc: o.Desc, Status: strings.ToLower(o.Status.String()),
			Steps: o.Steps, Done: o.Done, Created: moment(o.Created), Ended: moment(o.Ended), Reason: o.Reason,
		})
	}
	return list
}

// moment returns milliseconds since 1970 as text, empty for 0.
func moment(ms int64) string {
	if ms == 0 {
		return ""
	}
	return time.UnixMilli(ms).UTC().Format(time.RFC3339Nano)
}

// Package status shows a cluster that runs: a web page, the same as JSON, and a stream
// of what changes.
//
// A Collector asks the stores and the scheduler, and publishes a Report twice a second in
// a Feed; Serve serves what a Feed has. The stores are asked themselves, so that the page
// shows what is, also where there is no scheduler or where it is away: the scheduler knows
// of regions what their leaders have told it last. To observe changes nothing: all that
// the scheduler is asked are reads.
package status

// Version is the version of the JSON form of a Report. It grows when a field changes its
// meaning or goes away; fields may be added within a version.
const Version = 1

// A Report is the state of a cluster at one moment. Each store and each region is as it
// was when it was last heard of. A Report that was published must not be changed.
//
// Moments are in milliseconds since 1970, sizes in bytes, keys hexadecimal, rates per
// second, and latencies in milliseconds.
type Report struct {
	Version   int    `json:"version"`
	At        int64  `json:"at"`
	ClusterID uint64 `json:"cluster_id"`
	// Scheduler is absent if the cluster has none.
	Scheduler *Scheduler `json:"scheduler,omitempty"`
	// Stores are in the order of their ids, those last whose ids are not known.
	Stores []Store `json:"stores"`
	// Regions are in the order of their keys. They do not overlap, and leave gaps where
	// no store that answers knows the region.
	Regions []Region `json:"regions"`
	// Operators are those under way, and then some that have ended, the latest first.
	Operators []Operator `json:"operators"`
	// Samples are the load of the last minutes, the latest last.
	Samples []Sample `json:"samples"`
	// Ended says why the cluster has ended: this report is its last. It is absent as
	// long as the cluster runs.
	Ended string `json:"ended,omitempty"`
}

// States of stores and of the scheduler.
const (
	Up       = "up"
	Starting = "starting" // its process runs, and has not answered yet
	Silent   = "silent"   // it is there, and does not answer
	Paused   = "paused"   // its process is stopped
	Down     = "down"
	Removed  = "removed" // a tombstone: it never comes back
)

// A Scheduler is the state of the scheduler.
type Scheduler struct {
	Addr  string `json:"addr"`
	State string `json:"state"`
	// Since is when that began, as far as it is known.
	Since int64 `json:"since"`
	// Reason says why it is not up.
	Reason  string   `json:"reason,omitempty"`
	Process *Process `json:"process,omitempty"`
}

// A Store is the state of one store.
type Store struct {
	ID    uint64 `json:"id"` // 0 as long as it is not known
	Addr  string `json:"addr"`
	State string `json:"state"`
	// Since is when that began, as far as it is known; of a store that is up, when its
	// process started.
	Since int64 `json:"since"`
	// Reason says why it is not up.
	Reason string `json:"reason,omitempty"`
	// Offline is true if the scheduler moves all that it has to others.
	Offline bool `json:"offline,omitempty"`
	// Heard is when it answered last; 0 is never.
	Heard     int64  `json:"heard"`
	Peers     int    `json:"peers"`
	Leaders   int    `json:"leaders"`
	Size      uint64 `json:"size"`      // of all its regions, estimated
	Capacity  uint64 `json:"capacity"`  // of its disk; 0 if not known
	Available uint64 `json:"available"` // of its disk
	// Load is the load of the last second.
	Load    Load     `json:"load"`
	Process *Process `json:"process,omitempty"`
}

// A Load is how many requests ended within a second, and how long those took that were
// done.
type Load struct {
	Reads  float64 `json:"reads"`
	Writes float64 `json:"writes"`
	// Refused had no effect; a store that does not lead refuses, for example.
	Refused float64 `json:"refused"`
	// Read and Write are absent if there was none.
	Read  *Latency `json:"read,omitempty"`
	Write *Latency `json:"write,omitempty"`
}

// A Latency is estimated from a histogram whose bounds double.
type Latency struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// A Sample is the load of a cluster at one moment.
type Sample struct {
	At int64 `json:"at"`
	Load
	// Stores are reads and writes, by the ids of stores.
	Stores map[uint64]float64 `json:"stores"`
}

// A Region is the state of one region, as the peer reports it whose epoch is the
// newest.
type Region struct {
	ID      uint64 `json:"id"`
	Start   string `json:"start"`
	End     string `json:"end"` // empty: to the last key
	ConfVer uint64 `json:"conf_ver"`
	Version uint64 `json:"version"`
	Term    uint64 `json:"term"`
	// Leader is the id of a store; 0 if no store that answers leads the region.
	Leader uint64 `json:"leader"`
	Size   uint64 `json:"size"`
	Peers  []Peer `json:"peers"` // by the ids of stores
}

// States of peers.
const (
	PeerOK         = "ok"
	PeerNew        = "new"        // its store has none of it yet
	PeerBehind     = "behind"     // it lacks entries that others have applied a while ago
	PeerInstalling = "installing" // a snapshot
	PeerDown       = "down"       // its store does not answer
)

// A Peer is one member of a region.
type Peer struct {
	ID    uint64 `json:"id"`
	Store uint64 `json:"store"`
	State string `json:"state"`
}

// An Operator is a change of a region that the scheduler makes or has made.
type Operator struct {
	Region  uint64   `json:"region"`
	Kind    string   `json:"kind"`
	Desc    string   `json:"desc"`
	Status  string   `json:"status"` // running, success, timeout, cancel or replace
	Steps   []string `json:"steps"`
	Done    uint32   `json:"done"` // steps that have taken effect
	Created int64    `json:"created"`
	Ended   int64    `json:"ended,omitempty"`
	Reason  string   `json:"reason,omitempty"`
}

package server

import (
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/labkv/labkv/proto/schedulerpb"
)

// metrics are what a server counts and measures, for Prometheus. The state of the
// cluster is asked for on demand.
type metrics struct {
	registry *prometheus.Registry

	calls      *prometheus.HistogramVec
	timestamps prometheus.Counter
	streams    prometheus.Gauge
	// heartbeats counts those of regions, by the order that answered them.
	heartbeats *prometheus.CounterVec
}

// Outcomes of calls.
const (
	outcomeDone    = "done"
	outcomeRefused = "refused" // the header of the response says why
	outcomeFailed  = "failed"  // the disk is full, or broken
)

func newMetrics(s *Server) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "labkv_scheduler_call_seconds", Buckets: prometheus.ExponentialBuckets(50e-6, 2, 16), // 50 µs to 1.6 s
			Help: "Duration of calls that are no streams, by their method and outcome.",
		}, []string{"method", "outcome"}),
		timestamps: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "labkv_scheduler_timestamps_total", Help: "Timestamps handed out.",
		}),
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "labkv_scheduler_streams", Help: "Streams of stores and clients that are open.",
		}),
		heartbeats: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "labkv_scheduler_region_heartbeats_total",
			Help: "Heartbeats of regions, by the order that answered them.",
		}, []string{"order"}),
	}
	for _, order := range []string{orderNone, orderChangePeer, orderTransferLeader, orderSplit, orderRefused} {
		m.heartbeats.WithLabelValues(order)
	}
	m.registry.MustRegister(m.calls, m.timestamps, m.streams, m.heartbeats, clusterCollector{s},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// call notes a call that began at a time.
func (m *metrics) call(method string, begin time.Time, response any, err error) {
	outcome := outcomeDone
	headed, _ := response.(interface {
		GetHeader() *schedulerpb.ResponseHeader
	})
	switch {
	case err != nil:
		outcome = outcomeFailed
	case headed != nil && headed.GetHeader().GetError().GetType() != schedulerpb.ErrorType_OK:
		outcome = outcomeRefused
	}
	m.calls.WithLabelValues(path.Base(method), outcome).Observe(time.Since(begin).Seconds())
}

// Names of orders.
const (
	orderNone           = "none"
	orderChangePeer     = "change peer"
	orderTransferLeader = "transfer leader"
	orderSplit          = "split"
	orderRefused        = "refused" // the heartbeat was stale, or impossible
)

// heartbeat notes the answer to a region's heartbeat; nil is none.
func (m *metrics) heartbeat(order *schedulerpb.RegionHeartbeatResponse) {
	name := orderNone
	switch {
	case order.GetHeader().GetError().GetType() != schedulerpb.ErrorType_OK:
		name = orderRefused
	case order.GetChangePeer() != nil:
		name = orderChangePeer
	case order.GetTransferLeader() != nil:
		name = orderTransferLeader
	case order.GetSplitRegion() != nil:
		name = orderSplit
	}
	m.heartbeats.WithLabelValues(name).Inc()
}

// A clusterCollector has the state of the cluster as the scheduler knows it now.
type clusterCollector struct{ server *Server }

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("labkv_scheduler_"+name, help, labels, nil)
}

var (
	storesByState   = describe("stores", "Stores, by their state.", "state")
	storePeers      = describe("store_peers", "Peers on a store.", "store")
	storeLeaders    = describe("store_leaders", "Regions that a store leads.", "store")
	storeSize       = describe("store_size_bytes", "Estimated size of all regions of a store.", "store")
	storeCapacity   = describe("store_capacity_bytes", "Size of a store's disk.", "store")
	storeAvailable  = describe("store_available_bytes", "Free space of a store's disk.", "store")
	storeSilence    = describe("store_silence_seconds", "Time since the last heartbeat of a store.", "store")
	regionsKnown    = describe("regions", "Regions that the scheduler knows.")
	regionsLost     = describe("regions_lost", "Regions that have lost half of their peers or more.")
	regionsNoLeader = describe("regions_without_leader", "Regions whose leader is not known.")
	regionsComplete = describe("regions_complete", "1 if the known regions cover all keys.")
	operatorsNow    = describe("operators", "Operators under way, by their kind.", "kind")
	operatorsEver   = describe("operators_total", "Operators by their kind and their end, or started.", "kind", "outcome")
	safePoint       = describe("gc_safe_point", "Timestamp before which old versions are not read.")
	cleanPoint      = describe("gc_clean_point", "Timestamp before which old versions may be removed.")
	bootstrapped    = describe("bootstrapped", "1 if the cluster has its first store.")
)

// states are all states of stores, so that each has a number.
var states = []string{"up", "disconnected", "down", "offline", "tombstone"}

// Describe implements prometheus.Collector.
func (c clusterCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		storesByState, storePeers, storeLeaders, storeSize, storeCapacity, storeAvailable, storeSilence,
		regionsKnown, regionsLost, regionsNoLeader, regionsComplete, operatorsNow, operatorsEver,
		safePoint, cleanPoint, bootstrapped,
	} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (c clusterCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
	}
	count := func(d *prometheus.Desc, value uint64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), labels...)
	}
	s := c.server.Status()
	byState := map[string]int{}
	for _, st := range s.Stores {
		byState[st.State]++
		if st.State == "tombstone" {
			continue // it has nothing
		}
		id := strconv.FormatUint(st.ID, 10)
		gauge(storePeers, float64(st.Peers), id)
		gauge(storeLeaders, float64(st.Leaders), id)
		gauge(storeSize, float64(st.Size), id)
		gauge(storeCapacity, float64(st.Stats.GetCapacity()), id)
		gauge(storeAvailable, float64(st.Stats.GetAvailable()), id)
		gauge(storeSilence, st.Silence.Seconds(), id)
	}
	for _, state := range states {
		gauge(storesByState, float64(byState[state]), state)
	}
	lost, headless := 0, 0
	for _, r := range s.Regions {
		if r.Lost {
			lost++
		}
		if r.Leader == nil {
			headless++
		}
	}
	gauge(regionsKnown, float64(len(s.Regions)))
	gauge(regionsLost, float64(lost))
	gauge(regionsNoLeader, float64(headless))
	gauge(regionsComplete, number(s.Complete))
	running := map[string]int{}
	for _, o := range s.Operators {
		running[o.Kind]++
	}
	for kind, n := range running {
		gauge(operatorsNow, float64(n), kind)
	}
	for kind, outcomes := range s.Counts.Operators {
		for outcome, n := range outcomes {
			if outcome == schedulerpb.OperatorStatus_RUNNING.String() {
				outcome = "started"
			}
			count(operatorsEver, n, kind, strings.ToLower(outcome))
		}
	}
	gauge(safePoint, float64(s.SafePoint))
	gauge(cleanPoint, float64(s.CleanPoint))
	gauge(bootstrapped, number(s.Bootstrapped))
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

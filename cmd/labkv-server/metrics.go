package main

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	dto "github.com/prometheus/client_model/go"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/kv/storage/replicated"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/kvrpcpb"
	"github.com/labkv/labkv/proto/raftserverpb"
	"github.com/labkv/labkv/raft"
)

// metrics are what a store counts and measures, for Prometheus. What happens often
// costs an addition or two; the state of Raft is asked for on demand.
type metrics struct {
	registry *prometheus.Registry

	passes    prometheus.Histogram
	applied   prometheus.Counter
	collected prometheus.Counter
	// requests has the durations of the requests to a storage, by what they do and
	// how they end.
	requests map[[2]string]prometheus.Histogram
	// writes and syncs are the durations of writes to an engine without and with a
	// sync, and written their bytes, by engine.
	writes, syncs map[string]prometheus.Observer
	written       map[string]prometheus.Counter
}

// Kinds and outcomes of requests.
const (
	requestWrite = "write"
	requestRead  = "read"

	outcomeDone    = "done"
	outcomeRefused = "refused" // it has no effect, and never will
	outcomeUnknown = "unknown"
)

// Names of engines.
const (
	engineRaft       = "raft"
	engineKV         = "kv"
	engineStandalone = "standalone"
)

func newMetrics(engines ...string) *metrics {
	fast := prometheus.ExponentialBuckets(50e-6, 2, 16) // 50 µs to 1.6 s
	m := &metrics{
		registry: prometheus.NewRegistry(),
		passes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "labkv_pass_seconds", Buckets: fast,
			Help: "Duration of passes: what has happened to some peers is handled, logged and applied.",
		}),
		applied: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "labkv_applied_entries_total",
			Help: "Log entries whose effects were written to the kv engine.",
		}),
		collected: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "labkv_collected_records_total",
			Help: "Records of old versions and of old transactions that were removed by requests to this store.",
		}),
		requests: map[[2]string]prometheus.Histogram{},
		writes:   map[string]prometheus.Observer{},
		syncs:    map[string]prometheus.Observer{},
		written:  map[string]prometheus.Counter{},
	}
	requests := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "labkv_request_seconds", Buckets: fast,
		Help: "Duration of requests to the storage, by their outcome. In a cluster each write is a proposal to Raft.",
	}, []string{"request", "outcome"})
	for _, request := range []string{requestWrite, requestRead} {
		for _, outcome := range []string{outcomeDone, outcomeRefused, outcomeUnknown} {
			m.requests[[2]string{request, outcome}] = requests.WithLabelValues(request, outcome).(prometheus.Histogram)
		}
	}
	disk := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "labkv_disk_write_seconds", Buckets: fast,
		Help: "Duration of writes to the engines on disk.",
	}, []string{"engine", "sync"})
	written := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "labkv_disk_written_bytes_total",
		Help: "Bytes of keys and values written to the engines on disk; those of the raft engine are the logs.",
	}, []string{"engine"})
	for _, name := range engines {
		m.writes[name], m.syncs[name] = disk.WithLabelValues(name, "false"), disk.WithLabelValues(name, "true")
		m.written[name] = written.WithLabelValues(name)
	}
	m.registry.MustRegister(requests, disk, written, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// ready adds the readiness.
func (m *metrics) ready(r *readiness) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "labkv_ready", Help: "1 if clients are to come to this store, as /readyz says.",
	}, func() float64 { return number(r.get() == nil) }))
}

// replicated adds what only a store of a cluster has.
func (m *metrics) replicated(s *replicated.Storage) {
	m.registry.MustRegister(m.passes, m.applied, m.collected, raftCollector{s})
}

// requestsOf returns what m knows of one kind of requests.
func (m *metrics) requestsOf(what string) *raftserverpb.Requests {
	done := read(m.requests[[2]string{what, outcomeDone}])
	r := &raftserverpb.Requests{
		Done:    done.GetSampleCount(),
		Refused: read(m.requests[[2]string{what, outcomeRefused}]).GetSampleCount(),
		Unknown: read(m.requests[[2]string{what, outcomeUnknown}]).GetSampleCount(),
	}
	below := uint64(0)
	for _, b := range done.GetBucket() {
		r.Bounds = append(r.Bounds, b.GetUpperBound())
		r.Counts = append(r.Counts, b.GetCumulativeCount()-below)
		below = b.GetCumulativeCount()
	}
	r.Counts = append(r.Counts, r.Done-below)
	return r
}

// read returns what a histogram holds.
func read(h prometheus.Histogram) *dto.Histogram {
	var m dto.Metric
	if err := h.Write(&m); err != nil {
		panic(err) // it has no labels that could be wrong
	}
	return m.GetHistogram()
}

// around measures a pass.
func (m *metrics) around(pass func()) {
	begin := time.Now()
	pass()
	m.passes.Observe(time.Since(begin).Seconds())
}

func (m *metrics) countApplied(_, _ uint64, entries []*eraftpb.Entry) {
	m.applied.Add(float64(len(entries)))
}

func (m *metrics) countCollected(records int) { m.collected.Add(float64(records)) }

// request notes a request that began at a time and ended with err.
func (m *metrics) request(what string, begin time.Time, err error) {
	outcome := outcomeRefused
	switch err {
	case nil:
		outcome = outcomeDone
	case context.Canceled, context.DeadlineExceeded, storage.ErrOutcomeUnknown:
		outcome = outcomeUnknown
	}
	m.requests[[2]string{what, outcome}].Observe(time.Since(begin).Seconds())
}

// engine returns e with its writes measured.
func (m *metrics) engine(name string, e engine.Engine) engine.Engine {
	return &measuredEngine{e, m.writes[name], m.syncs[name], m.written[name]}
}

type measuredEngine struct {
	engine.Engine
	writes, syncs prometheus.Observer
	written       prometheus.Counter
}

// Write implements engine.Engine.
func (e *measuredEngine) Write(b *engine.Batch, sync bool) error {
	begin, size := time.Now(), b.Size()
	err := e.Engine.Write(b, sync)
	if sync {
		e.syncs.Observe(time.Since(begin).Seconds())
	} else {
		e.writes.Observe(time.Since(begin).Seconds())
	}
	if err == nil {
		e.written.Add(float64(size))
	}
	return err
}

// Sync implements engine.Engine.
func (e *measuredEngine) Sync() error {
	begin := time.Now()
	err := e.Engine.Sync()
	e.syncs.Observe(time.Since(begin).Seconds())
	return err
}

// measured is a storage whose requests are measured.
type measured struct {
	storage.Storage
	m *metrics
}

// Write implements storage.Storage.
func (s measured) Write(ctx context.Context, rc *kvrpcpb.Context, ops []engine.Op) error {
	begin := time.Now()
	err := s.Storage.Write(ctx, rc, ops)
	s.m.request(requestWrite, begin, err)
	return err
}

// Reader implements storage.Storage.
func (s measured) Reader(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	begin := time.Now()
	r, err := s.Storage.Reader(ctx, rc)
	s.m.request(requestRead, begin, err)
	return r, err
}

// Draft implements storage.Drafter. It is not measured: mostly it sends no message.
func (s measured) Draft(ctx context.Context, rc *kvrpcpb.Context) (storage.Reader, error) {
	return storage.Draft(ctx, s.Storage, rc)
}

// A raftCollector has the state of a store as of now.
type raftCollector struct {
	storage *replicated.Storage
}

func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("labkv_"+name, help, labels, nil)
}

var (
	regionLeads      = describe("region_leads", "1 if the peer on this store leads the region.", "region")
	regionLeader     = describe("region_leader_known", "1 if the peer on this store knows a leader of the region.", "region")
	regionTerm       = describe("region_term", "Term of the peer.", "region")
	regionCommit     = describe("region_commit_index", "Index up to which the log is known to be committed.", "region")
	regionApplied    = describe("region_applied_index", "Index up to which the effects of the log are in the data.", "region")
	regionFirst      = describe("region_log_first_index", "First index of the log, which is compacted before it.", "region")
	regionLast       = describe("region_log_last_index", "Last index of the log.", "region")
	regionInstalling = describe("region_installing_snapshot", "1 while a snapshot is being installed.", "region")
	snapshotsMoved   = describe("snapshots_total", "Snapshots that have arrived at another store, or here.", "direction")
	dropped          = describe("dropped_total", "Messages, snapshots and streams between stores that were dropped.", "reason")
)

// Describe implements prometheus.Collector.
func (c raftCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{regionLeads, regionLeader, regionTerm, regionCommit, regionApplied, regionFirst, regionLast, regionInstalling, snapshotsMoved, dropped} {
		to <- d
	}
}

// Collect implements prometheus.Collector. Of a store that does not answer in time
// there is no state.
func (c raftCollector) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, value float64, label string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, label)
	}
	count := func(d *prometheus.Desc, value uint64, label string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(value), label)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	peers, _ := c.storage.Inspect(ctx)
	for _, p := range peers {
		id := fmt.Sprint(p.Region.Id)
		gauge(regionLeads, number(p.RaftState == raft.StateLeader), id)
		gauge(regionLeader, number(p.Lead != raft.None), id)
		gauge(regionTerm, float64(p.Term), id)
		gauge(regionCommit, float64(p.Commit), id)
		gauge(regionApplied, float64(p.Status.Applied), id)
		gauge(regionFirst, float64(p.FirstIndex), id)
		gauge(regionLast, float64(p.LastIndex), id)
		gauge(regionInstalling, number(p.Installing), id)
	}
	traffic := c.storage.Traffic()
	count(snapshotsMoved, traffic.SnapshotsSent, "sent")
	count(snapshotsMoved, traffic.SnapshotsReceived, "received")
	for reason, n := range traffic.Drops {
		count(dropped, n, string(reason))
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

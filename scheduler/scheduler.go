package scheduler

import (
	"log/slog"
	"sync"
	"time"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/schedulerpb"
)

// A Scheduler manages one cluster. Its methods may be called from several
// goroutines at once; they run one after the other. It starts no goroutine, and
// tells a store something only in answer to a heartbeat of a region.
type Scheduler struct {
	cfg Config
	log *slog.Logger

	mu     sync.Mutex
	state  *state
	ids    window
	oracle oracle
	cluster
	counts   Counts
	lastTick time.Time
	patrol   []byte // where the next patrol begins
	warm     bool   // enough is known to balance; see warmUp
}

// Open returns a scheduler with the state that the engine holds.
func Open(cfg Config) (*Scheduler, error) {
	switch {
	case cfg.ClusterID == 0:
		return nil, errors.New("scheduler: no cluster id is given")
	case cfg.Engine == nil:
		return nil, errors.New("scheduler: no engine is given")
	case cfg.Now == nil:
		return nil, errors.New("scheduler: no clock is given")
	}
	if err := cfg.Options.complete(); err != nil {
		return nil, err
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Scheduler{
		cfg:      cfg,
		log:      cfg.Logger,
		state:    newState(),
		cluster:  newCluster(cfg.Options),
		lastTick: cfg.Now(),
	}
	if err := s.restore(); err != nil {
		return nil, errors.Annotate(err, "scheduler")
	}
	s.ids = newWindow(s.state.counters.Ids)
	s.oracle = newOracle(s.state.counters.Timestamps)
	s.log.Info("scheduler opened", "cluster", cfg.ClusterID, "stores", len(s.stores), "regions", s.regions.len())
	return s, nil
}

// restore reads the engine. One that is empty gets the cluster's id first, so
// that the scheduler of another cluster cannot use it by mistake.
func (s *Scheduler) restore() error {
	var ident *metapb.Cluster
	var regions []*metapb.Region
	err := records(s.cfg.Engine, func(key, value []byte) error {
		switch key[0] {
		case kindIdent:
			ident = &metapb.Cluster{}
			return decode(key, value, ident)
		case kindRegion:
			r := &metapb.Region{}
			regions = append(regions, r)
			return decode(key, value, r)
		}
		return s.state.load(key, value)
	})
	if err != nil {
		return err
	}
	if ident == nil {
		var b engine.Batch
		put(&b, []byte{kindIdent}, &metapb.Cluster{Id: s.cfg.ClusterID})
		return s.cfg.Engine.Write(&b, true)
	}
	if ident.Id != s.cfg.ClusterID {
		return errors.Errorf("the engine belongs to cluster %d, not %d", ident.Id, s.cfg.ClusterID)
	}
	s.adopt()
	for _, r := range regions {
		for _, p := range r.Peers {
			if s.stores[p.StoreId] == nil {
				return errors.Errorf("the record of region %d names store %d, of which there is no record", r.Id, p.StoreId)
			}
		}
		s.regions.put(&regionInfo{meta: r})
	}
	return nil
}

// run carries out a command: it decides, makes the result durable, and takes it
// over, in this order. After an error nothing has changed.
func (s *Scheduler) run(c *schedulerpb.Command) error {
	var b engine.Batch
	if err := s.state.decide(c, &b); err != nil {
		return err
	}
	if err := s.cfg.Engine.Write(&b, true); err != nil {
		return errors.Annotate(err, "scheduler: cannot write")
	}
	for _, op := range b.Ops() {
		if err := s.state.load(op.Key, op.Value); err != nil {
			return err
		}
	}
	s.adopt()
	return nil
}

// adopt makes what is known of the cluster agree with the durable state.
func (s *Scheduler) adopt() {
	s.maxPeers = int(s.state.cluster.GetMaxPeerCount())
	for id, m := range s.state.stores {
		if info := s.stores[id]; info != nil {
			info.meta = m
		} else {
			s.stores[id] = &storeInfo{meta: m, heard: s.uptime}
		}
	}
}

// serve runs f for a request and returns the header of the response. It refuses
// a request for another cluster and, if it needs a cluster that is bootstrapped,
// one that comes before the first store.
func (s *Scheduler) serve(h *schedulerpb.RequestHeader, needs need, f func() error) (*schedulerpb.ResponseHeader, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.admit(h, needs); err != nil {
		return s.header(err)
	}
	return s.header(f())
}

// A need is what a request needs.
type need int

const (
	anyState     need = iota // nothing
	bootstrapped             // a cluster with a first store
)

func (s *Scheduler) admit(h *schedulerpb.RequestHeader, needs need) error {
	switch {
	case h.GetClusterId() != s.cfg.ClusterID:
		return refuse("the request is for cluster %d: this is cluster %d", h.GetClusterId(), s.cfg.ClusterID)
	case needs == bootstrapped && s.state.cluster == nil:
		return refuseAs(schedulerpb.ErrorType_NOT_BOOTSTRAPPED, "the cluster has no store yet")
	}
	return nil
}

// takeIDs returns n new ids.
func (s *Scheduler) takeIDs(n int) ([]uint64, error) {
	return s.ids.take(n, func(atLeast uint64) (uint64, error) {
		err := s.run(&schedulerpb.Command{ReserveIds: max(atLeast, s.cfg.Options.IDBatch)})
		return s.state.counters.Ids, err
	})
}

package client

import (
	"context"
	"sync"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/tinykvpb"
)

// A place is where a request can go: the id of a store if there is a scheduler,
// else the index of a store in the configuration, whose id need not be known.
type place uint64

// stores are the stores that the client has a connection to.
type stores struct {
	dial      func(addr string) (Conn, error)
	scheduler *scheduler // nil: list is all there are

	mu sync.Mutex
	// list are the stores of the configuration if there is no scheduler. It never
	// changes; the ids in it do.
	list []*store
	// byID are those that new requests go to if there is a scheduler. Their ids
	// never change.
	byID map[uint64]*store
	// retired are stores that left byID while requests to them were under way.
	retired map[*store]bool
	closed  bool
}

type store struct {
	id   uint64 // 0 while it is not known
	addr string
	conn Conn
	stub tinykvpb.TinyKvClient

	// With a scheduler, under the lock of stores: how many requests are under way,
	// and whether the scheduler is to be asked if the store still is where it was.
	requests int
	doubtful bool
}

// connect dials the stores of a configuration.
func (s *stores) connect(cfg Config, scheduler *scheduler) error {
	s.dial, s.scheduler = cfg.Dial, scheduler
	s.byID, s.retired = map[uint64]*store{}, map[*store]bool{}
	if len(cfg.Stores) == 0 && scheduler == nil {
		return errors.New("no addresses of stores are given, and no scheduler")
	}
	for _, c := range cfg.Stores {
		st, err := s.reach(c.ID, c.Addr)
		if err == nil && scheduler != nil && (c.ID == 0 || s.byID[c.ID] != nil) {
			st.conn.Close()
			err = errors.New("with a scheduler, each store needs an id of its own")
		}
		if err != nil {
			s.close()
			return errors.Annotatef(err, "address %s", c.Addr)
		}
		if scheduler == nil {
			s.list = append(s.list, st)
		} else {
			s.byID[c.ID] = st
		}
	}
	return nil
}

func (s *stores) reach(id uint64, addr string) (*store, error) {
	conn, err := s.dial(addr)
	if err != nil {
		return nil, err
	}
	return &store{id: id, addr: addr, conn: conn, stub: tinykvpb.NewTinyKvClient(conn)}, nil
}

// close closes all connections, also those with requests under way, and lets none
// be made.
func (s *stores) close() {
	s.mu.Lock()
	s.closed = true
	all := append([]*store(nil), s.list...)
	for _, st := range s.byID {
		all = append(all, st)
	}
	for st := range s.retired {
		all = append(all, st)
	}
	s.byID, s.retired = nil, nil
	s.mu.Unlock()
	for _, st := range all {
		st.conn.Close() // it can fail only by being closed already
	}
}

// open returns the store at a place, for one request, and its id, 0 if it is not
// known. The caller must release it. The error is a *RefusedError.
func (s *stores) open(ctx context.Context, at place) (*store, uint64, error) {
	if s.scheduler == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.list[at], s.list[at].id, nil
	}
	id := uint64(at)
	if st := s.take(id); st != nil {
		return st, id, nil
	}
	if err := s.find(ctx, id); err != nil {
		return nil, 0, err
	}
	if st := s.take(id); st != nil {
		return st, id, nil
	}
	return nil, 0, &RefusedError{Addr: schedulerName, Err: errors.Errorf("store %d has just gone", id)}
}

// take returns the store with the id, for one request, or nil.
func (s *stores) take(id uint64) *store {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.byID[id]
	if st != nil {
		st.requests++
	}
	return st
}

// release ends the use of a store by one request.
func (s *stores) release(st *store) {
	if s.scheduler == nil {
		return
	}
	s.mu.Lock()
	st.requests--
	last := st.requests == 0 && s.retired[st]
	if last {
		delete(s.retired, st)
	}
	s.mu.Unlock()
	if last {
		st.conn.Close()
	}
}

// find connects to the store with the id where the scheduler says that it is.
// Requests that need one store at the same time share a question.
func (s *stores) find(ctx context.Context, id uint64) error {
	return s.scheduler.stores.do(ctx, id, func() error {
		s.mu.Lock()
		known, closed := s.byID[id] != nil, s.closed
		s.mu.Unlock()
		switch {
		case closed:
			return errClosed
		case known:
			return nil // since just now
		}
		meta, err := s.scheduler.store(ctx, id)
		if err != nil {
			return err
		}
		return s.replace(nil, meta)
	})
}

var errClosed = &RefusedError{Addr: "no store", Err: errors.New("the client is closed"), final: true}

// replace makes new requests for a store go to where meta says, instead of to old,
// which may be nil.
func (s *stores) replace(old *store, meta *metapb.Store) error {
	st, err := s.reach(meta.Id, meta.Address)
	s.mu.Lock()
	closed := s.closed
	if err == nil && !closed && s.byID[meta.Id] == old {
		s.byID[meta.Id] = st
		st = nil
	}
	s.mu.Unlock()
	switch {
	case err != nil:
		return &RefusedError{Addr: meta.Address, Err: errors.Annotatef(err, "address of store %d", meta.Id)}
	case st != nil: // another request was faster, or the client is closed
		st.conn.Close()
	}
	if closed {
		return errClosed
	}
	if old != nil && st == nil {
		s.retire(old)
	}
	return nil
}

// retire closes the connection to a store once no request uses it. No new request
// does.
func (s *stores) retire(st *store) {
	s.mu.Lock()
	if s.byID[st.id] == st {
		delete(s.byID, st.id)
	}
	idle := st.requests == 0
	if !idle && !s.closed {
		s.retired[st] = true
	}
	s.mu.Unlock()
	if idle {
		st.conn.Close()
	}
}

// doubt notes that the store at a place may be gone, or have moved.
func (s *stores) doubt(at place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if st := s.byID[uint64(at)]; st != nil {
		st.doubtful = true
	}
}

// doubtful reports whether there is a store that the scheduler is to be asked about.
func (s *stores) doubtful() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.byID {
		if st.doubtful {
			return true
		}
	}
	return false
}

// renew takes over what the scheduler says about the stores that the client is
// connected to: those that have moved are dialled again, and those that are gone
// for good are left. A store that the scheduler does not know stays as it is.
func (s *stores) renew(ctx context.Context) {
	all, err := s.scheduler.all(ctx)
	if err != nil {
		return // what is known goes on to be used
	}
	for _, meta := range all {
		s.mu.Lock()
		st := s.byID[meta.GetId()]
		moved := st != nil && st.addr != meta.GetAddress()
		s.mu.Unlock()
		switch {
		case st == nil:
		case meta.State == metapb.StoreState_Tombstone:
			s.retire(st)
		case moved:
			if s.replace(st, meta) != nil {
				s.retire(st) // the next request that needs it gets the reason
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.byID {
		st.doubtful = false
	}
}

// connection returns what requests to a place use now, nil if nothing.
func (s *stores) connection(at place) *store {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.byID[uint64(at)]
}

// describe returns what is known of the store at a place.
func (s *stores) describe(at place) Store {
	st := s.connection(at)
	if s.scheduler == nil {
		st = s.list[at]
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if st == nil {
		return Store{ID: uint64(at)}
	}
	return Store{ID: st.id, Addr: st.addr}
}

// named returns the place of the store with an id, as a store has named it. An id
// of 0 is never found.
func (s *stores) named(id uint64) (at place, found bool) {
	if s.scheduler != nil {
		return place(id), id != 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, st := range s.list {
		if st.id == id && id != 0 {
			return place(i), true
		}
	}
	return 0, false
}

// learn takes over that the store at a place of the list has that id, and reports
// whether that is news. If another place was known by it, nothing is known of that
// place now: an id names one store.
func (s *stores) learn(at place, id uint64) (news bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list[at].id == id {
		return false
	}
	for _, st := range s.list {
		if st.id == id {
			st.id = 0
		}
	}
	s.list[at].id = id
	return true
}

// inTurn returns the first place after last, in a fixed order that begins again at
// its end, that is not in but: among the stores of the list, or of the region's
// peers if there is a scheduler.
func (s *stores) inTurn(r *metapb.Region, last place, but places) (next place, found bool) {
	n := len(s.list)
	at := func(i int) place { return place(i) }
	first := int(last) + 1
	if s.scheduler != nil {
		n, first = len(r.Peers), 0
		at = func(i int) place { return place(r.Peers[i].StoreId) }
		for i := range n {
			if at(i) == last {
				first = i + 1
			}
		}
	}
	for i := range n {
		if next = at((first + i) % n); !but.has(next) {
			return next, true
		}
	}
	return 0, false
}

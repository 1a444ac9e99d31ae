package client

import (
	"sync"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/tinykvpb"
)

// stores are the stores of the cluster, each with a connection. A store is named
// by its place in the list.
type stores struct {
	list []*store
	mu   sync.Mutex // guards the ids
}

type store struct {
	id   uint64 // 0 while it is not known
	addr string
	conn Conn
	stub tinykvpb.TinyKvClient
}

// connect dials the stores of a configuration.
func (s *stores) connect(cfg Config) error {
	if len(cfg.Stores) == 0 {
		return errors.New("no addresses of stores are given")
	}
	for _, c := range cfg.Stores {
		conn, err := cfg.Dial(c.Addr)
		if err != nil {
			s.close()
			return errors.Annotatef(err, "address %s", c.Addr)
		}
		s.list = append(s.list, &store{c.ID, c.Addr, conn, tinykvpb.NewTinyKvClient(conn)})
	}
	return nil
}

func (s *stores) close() {
	for _, st := range s.list {
		st.conn.Close() // it can fail only by being closed already
	}
}

// after returns the next place in turn.
func (s *stores) after(place int) int { return (place + 1) % len(s.list) }

// id returns the id of the store at place, 0 if it is not known.
func (s *stores) id(place int) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list[place].id
}

// find returns the place of the store with that id. An id of 0 is never found.
func (s *stores) find(id uint64) (place int, found bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, st := range s.list {
		if st.id == id && id != 0 {
			return i, true
		}
	}
	return 0, false
}

// learn takes over that the store at place has that id. If another place was
// known by it, nothing is known of that place now: an id names one store.
func (s *stores) learn(place int, id uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, st := range s.list {
		if st.id == id {
			st.id = 0
		}
	}
	s.list[place].id = id
}

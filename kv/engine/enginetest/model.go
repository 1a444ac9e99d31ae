package enginetest

import (
	"maps"
	"slices"

	"github.com/labkv/labkv/kv/engine"
)

// A state is the content of an engine, as one plain map for each family.
type state map[engine.CF]map[string]string

func newState(families []engine.CF) state {
	s := state{}
	for _, cf := range families {
		s[cf] = map[string]string{}
	}
	return s
}

func (s state) clone() state {
	c := state{}
	for cf, m := range s {
		c[cf] = maps.Clone(m)
	}
	return c
}

// apply does the writes of ops in order.
func (s state) apply(ops []engine.Op) {
	for _, op := range ops {
		if op.Delete {
			delete(s[op.CF], string(op.Key))
		} else {
			s[op.CF][string(op.Key)] = string(op.Value)
		}
	}
}

// scan returns the pairs of cf within r in order.
func (s state) scan(cf engine.CF, r engine.Range) []kv {
	kvs := []kv{}
	for _, k := range slices.Sorted(maps.Keys(s[cf])) {
		if r.Contains([]byte(k)) {
			kvs = append(kvs, kv{k, s[cf][k]})
		}
	}
	return kvs
}

// A model predicts the content of an engine and of the disk under it.
type model struct {
	now state
	// durable is the state as of the last sync, and unsynced are the
	// batches since.
	durable  state
	unsynced [][]engine.Op
	// failed is set after a sync has failed: no write may succeed then.
	failed bool
}

func newModel(families []engine.CF) *model {
	return &model{now: newState(families), durable: newState(families)}
}

func (m *model) write(ops []engine.Op) {
	ops = slices.Clone(ops)
	m.now.apply(ops)
	m.unsynced = append(m.unsynced, ops)
}

func (m *model) sync() {
	for _, ops := range m.unsynced {
		m.durable.apply(ops)
	}
	m.unsynced = nil
}

// crash loses all unsynced batches but the first keep.
func (m *model) crash(keep int) {
	for _, ops := range m.unsynced[:keep] {
		m.durable.apply(ops)
	}
	m.unsynced, m.failed = nil, false
	m.now = m.durable.clone()
}

package raftstore_test

import (
	"slices"

	"github.com/labkv/labkv/kv/engine"
)

// A tally is an engine that counts what it is asked to do. It lasts longer than
// an incarnation of the engine.
type tally struct {
	engine.Engine

	// syncs counts syncs, and writes that are synced; ranges counts calls of
	// DeleteRange.
	syncs, ranges int
	// steps counts the calls of Get, and the keys to which iterators moved.
	steps int

	// keepsTraces is set while deletions leave traces, as they do in an
	// engine on disk until it has merged its files. crossed counts how often
	// a seek, a step or the deletion of a range has passed over a trace,
	// and how often one was deleted again.
	keepsTraces bool
	traces      []string // ascending, each a family and a key
	crossed     int
}

// place names a key of a family so that the places of a family are neighbors.
func place(cf engine.CF, key []byte) string { return string(cf) + "/" + string(key) }

// cross counts the traces of a family from one place to another; an empty end
// means the end of the family.
func (m *tally) cross(from, to string) {
	i, _ := slices.BinarySearch(m.traces, from)
	j, _ := slices.BinarySearch(m.traces, to)
	m.crossed += max(0, j-i)
}

// leave notes that the key at a place is gone, or there again.
func (m *tally) leave(at string, gone bool) {
	i, found := slices.BinarySearch(m.traces, at)
	switch {
	case found && gone:
		m.crossed++
	case found:
		m.traces = slices.Delete(m.traces, i, i+1)
	case gone:
		m.traces = slices.Insert(m.traces, i, at)
	}
}

// Write implements engine.Engine.
func (m *tally) Write(b *engine.Batch, sync bool) error {
	if sync {
		m.syncs++
	}
	err := m.Engine.Write(b, sync)
	if err == nil && m.keepsTraces {
		for _, op := range b.Ops() {
			m.leave(place(op.CF, op.Key), op.Delete)
		}
	}
	return err
}

// Sync implements engine.Engine.
func (m *tally) Sync() error {
	m.syncs++
	return m.Engine.Sync()
}

// DeleteRange implements engine.Engine.
func (m *tally) DeleteRange(cf engine.CF, r engine.Range) error {
	m.ranges++
	if m.keepsTraces {
		m.cross(place(cf, r.Start), m.end(cf, r))
		it, err := m.Engine.Iterate(cf, r)
		if err != nil {
			return err
		}
		for it.Seek(nil); it.Valid(); it.Next() {
			m.leave(place(cf, it.Key()), true)
		}
		if err := it.Close(); err != nil {
			return err
		}
	}
	return m.Engine.DeleteRange(cf, r)
}

// end returns the place at which a range of a family ends.
func (m *tally) end(cf engine.CF, r engine.Range) string {
	if len(r.End) == 0 {
		return string(cf) + "0" // follows every place of the family
	}
	return place(cf, r.End)
}

// Get implements engine.Reader.
func (m *tally) Get(cf engine.CF, key []byte) ([]byte, bool, error) {
	m.steps++
	return m.Engine.Get(cf, key)
}

// Iterate implements engine.Reader.
func (m *tally) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	return m.iterate(m.Engine, cf, r)
}

// Snapshot implements engine.Engine.
func (m *tally) Snapshot() (engine.Snapshot, error) {
	s, err := m.Engine.Snapshot()
	if err != nil {
		return nil, err
	}
	return &talliedSnapshot{s, m}, nil
}

func (m *tally) iterate(r engine.Reader, cf engine.CF, within engine.Range) (engine.Iterator, error) {
	it, err := r.Iterate(cf, within)
	if err != nil {
		return nil, err
	}
	return &talliedIterator{it, m, cf, within}, nil
}

// A talliedSnapshot counts what is read of a snapshot for the tally of its
// engine.
type talliedSnapshot struct {
	engine.Snapshot
	tally *tally
}

// Get implements engine.Reader.
func (s *talliedSnapshot) Get(cf engine.CF, key []byte) ([]byte, bool, error) {
	s.tally.steps++
	return s.Snapshot.Get(cf, key)
}

// Iterate implements engine.Reader.
func (s *talliedSnapshot) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	return s.tally.iterate(s.Snapshot, cf, r)
}

// A talliedIterator counts its steps.
type talliedIterator struct {
	engine.Iterator
	tally  *tally
	cf     engine.CF
	within engine.Range
}

// Seek implements engine.Iterator.
func (it *talliedIterator) Seek(key []byte) {
	it.Iterator.Seek(key)
	from := max(place(it.cf, key), place(it.cf, it.within.Start))
	it.arrive(from)
}

// Next implements engine.Iterator.
func (it *talliedIterator) Next() {
	from := place(it.cf, it.Key())
	it.Iterator.Next()
	it.arrive(from)
}

// arrive counts a step from one place to where the iterator is.
func (it *talliedIterator) arrive(from string) {
	to := it.tally.end(it.cf, it.within)
	if it.Valid() {
		it.tally.steps++
		to = place(it.cf, it.Key())
	}
	if it.tally.keepsTraces {
		it.tally.cross(from, to)
	}
}

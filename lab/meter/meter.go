// Package meter watches how code uses an engine: what it reads, and what it
// leaves open. A test puts a meter between the two.
package meter

import (
	"fmt"
	"maps"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/labkv/labkv/kv/engine"
)

// An Engine is another engine that is watched. Its methods may be called from
// several goroutines at once.
type Engine struct {
	engine.Engine
	reads atomic.Int64

	mu     sync.Mutex
	opened uint64
	open   map[uint64]opening // by number, from 1
}

// An opening is an iterator or a snapshot that was not closed yet.
type opening struct {
	what string
	// callers are the program counters of those that opened it, innermost
	// first.
	callers [4]uintptr
}

// New returns e, watched.
func New(e engine.Engine) *Engine { return &Engine{Engine: e, open: map[uint64]opening{}} }

// Reads returns the number of records that were read: by each Get, and by each
// step of an iterator that ended at a key.
func (e *Engine) Reads() int { return int(e.reads.Load()) }

// Open describes the iterators and snapshots that are not closed, oldest first:
// what each is, and the function that opened it.
func (e *Engine) Open() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.open) == 0 {
		return nil // the usual case
	}
	var all []string
	for _, number := range slices.Sorted(maps.Keys(e.open)) {
		all = append(all, e.open[number].String())
	}
	return all
}

func (o opening) String() string {
	var by []string
	for frames, more := runtime.CallersFrames(o.callers[:]), true; more && len(by) < 2; {
		var f runtime.Frame
		f, more = frames.Next()
		if f.PC != 0 {
			by = append(by, fmt.Sprintf("%s (%s:%d)", path.Base(f.Function), path.Base(f.File), f.Line))
		}
	}
	return fmt.Sprintf("%s, opened by %s", o.what, strings.Join(by, ", called by "))
}

// opens notes that the caller of its caller opens what. It returns the function
// that notes the end of that.
func (e *Engine) opens(what string) (closed func()) {
	o := opening{what: what}
	runtime.Callers(3, o.callers[:])
	e.mu.Lock()
	defer e.mu.Unlock()
	e.opened++
	number := e.opened
	e.open[number] = o
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.open, number)
	}
}

// Get implements engine.Reader.
func (e *Engine) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	e.reads.Add(1)
	return e.Engine.Get(cf, key)
}

// Iterate implements engine.Reader.
func (e *Engine) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	it, err := e.Engine.Iterate(cf, r)
	if err != nil {
		return nil, err
	}
	return &iterator{it, e, e.opens("an iterator over family " + cf)}, nil
}

// Snapshot implements engine.Engine.
func (e *Engine) Snapshot() (engine.Snapshot, error) {
	s, err := e.Engine.Snapshot()
	if err != nil {
		return nil, err
	}
	return &snapshot{s, e, e.opens("a snapshot")}, nil
}

type snapshot struct {
	engine.Snapshot
	of     *Engine
	closed func()
}

func (s *snapshot) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	s.of.reads.Add(1)
	return s.Snapshot.Get(cf, key)
}

func (s *snapshot) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	it, err := s.Snapshot.Iterate(cf, r)
	if err != nil {
		return nil, err
	}
	return &iterator{it, s.of, s.of.opens("an iterator over family " + cf + " of a snapshot")}, nil
}

func (s *snapshot) Close() error {
	s.closed()
	return s.Snapshot.Close()
}

type iterator struct {
	engine.Iterator
	of     *Engine
	closed func()
}

func (it *iterator) Seek(key []byte) {
	it.Iterator.Seek(key)
	it.count()
}

func (it *iterator) Next() {
	it.Iterator.Next()
	it.count()
}

func (it *iterator) count() {
	if it.Valid() {
		it.of.reads.Add(1)
	}
}

func (it *iterator) Close() error {
	it.closed()
	return it.Iterator.Close()
}

package enginetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/pingcap/errors"
	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
)

// A Program is a sequence of operations on an engine, as bytes. Every sequence
// of bytes is a program: it is read from left to right, one byte to choose an
// operation, then as many bytes as the operation needs. A missing byte is a 0.
type Program []byte

// RandomProgram returns a program of n bytes, the same for the same seed.
func RandomProgram(seed uint64, n int) Program {
	rng := rand.New(rand.NewPCG(seed, 0))
	p := make(Program, n)
	for i := range p {
		p[i] = byte(rng.Uint32())
	}
	return p
}

// Check executes p on an engine in s, which must be empty, and on a model, and
// fails t where they differ.
func Check(t testing.TB, s Store, p Program) {
	m := &machine{t: t, store: s, input: p, model: newModel(engine.Families)}
	m.open()
	for len(m.input) > 0 {
		m.step()
	}
	m.compare()
	m.close()
	m.open()
	m.compare()
	m.close()
}

// maxSnapshots is the largest number of snapshots that a program holds at once.
const maxSnapshots = 4

// A heldSnapshot is an open snapshot and the state that it must show, with an
// iterator over its default family that a program moves now and then.
type heldSnapshot struct {
	snapshot engine.Snapshot
	state    state
	it       engine.Iterator
	kvs      []kv // the entries that it must still show
}

// A machine executes a program.
type machine struct {
	t     testing.TB
	store Store
	input Program
	// log lists the operations, for the report of a failure.
	log []string

	engine    engine.Engine
	model     *model
	snapshots []heldSnapshot
	full      bool
	puts      int // counts the values written, to make each unique
}

// next returns the next byte of the program, below n.
func (m *machine) next(n int) int {
	if len(m.input) == 0 {
		return 0
	}
	b := m.input[0]
	m.input = m.input[1:]
	return int(b) % n
}

func (m *machine) family() engine.CF {
	return engine.Families[m.next(len(engine.Families))]
}

// key returns one of few keys, so that operations hit the same ones. Some are
// prefixes of others, and the lowest and highest bytes occur.
func (m *machine) key() string {
	const alphabet = "\x00\x01ab\xfe\xff"
	var key strings.Builder
	for n := 1 + m.next(2); n > 0; n-- {
		key.WriteByte(alphabet[m.next(len(alphabet))])
	}
	return key.String()
}

// bounds returns a range. One bound in four is open, some ranges are empty.
func (m *machine) bounds() engine.Range {
	var r engine.Range
	if m.next(4) > 0 {
		r.Start = []byte(m.key())
	}
	if m.next(4) > 0 {
		r.End = []byte(m.key())
	}
	return r
}

// value returns a value that was not written before: empty, short or long.
func (m *machine) value() string {
	m.puts++
	switch n := m.next(16); {
	case n == 0:
		return ""
	case n < 14:
		return fmt.Sprint(m.puts)
	default:
		return fmt.Sprint(m.puts) + strings.Repeat("x", 1000*m.next(20))
	}
}

func (m *machine) logf(format string, args ...any) {
	m.log = append(m.log, fmt.Sprintf(format, args...))
}

// maxLog is the number of lines of the log that the report of a failure shows.
const maxLog = 40

// require fails the test with the end of the log unless ok.
func (m *machine) require(ok bool, format string, args ...any) {
	if !ok {
		m.t.Helper()
		m.t.Fatalf("%s\nafter:\n  %s", fmt.Sprintf(format, args...), strings.Join(m.log[max(0, len(m.log)-maxLog):], "\n  "))
	}
}

func (m *machine) noError(err error) {
	m.t.Helper()
	m.require(err == nil, "unexpected error: %v", err)
}

// step executes one operation and checks its result.
func (m *machine) step() {
	// The operations, and how often each comes in 64 of a random program.
	for n, ops := m.next(64), []struct {
		weight int
		do     func()
	}{
		{24, m.write},
		{4, m.sync},
		{8, m.get},
		{8, m.iterate},
		{4, m.snapshot},
		{5, m.readSnapshot},
		{2, m.closeSnapshot},
		{2, m.deleteRange},
		{1, m.size},
		{1, m.reopen},
		{3, m.crash},
		{1, m.toggleFull},
		{1, m.failSync},
	}; ; ops = ops[1:] {
		if n -= ops[0].weight; n < 0 {
			ops[0].do()
			return
		}
	}
}

func (m *machine) write() {
	var b engine.Batch
	for n := m.next(6); n > 0; n-- {
		cf, key := m.family(), m.key()
		if m.next(4) == 0 {
			m.logf("  delete %s %q", cf, key)
			b.Delete(cf, []byte(key))
		} else {
			value := m.value()
			m.logf("  put %s %q = %.20q (%d bytes)", cf, key, value, len(value))
			b.Put(cf, []byte(key), []byte(value))
		}
	}
	sync := m.next(4) == 0
	m.logf("write batch of %d, sync=%t", b.Len(), sync)
	err := m.engine.Write(&b, sync)

	puts := 0
	for _, op := range b.Ops() {
		if !op.Delete {
			puts++
		}
	}
	switch {
	case m.model.failed:
		m.requireSyncError(err)
		return
	case m.full && puts > 0:
		m.require(errors.Cause(err) == engine.ErrDiskFull, "the disk is full, got %v", err)
		return
	case m.full && b.Len() > 0 && err != nil:
		// Deletes may have room where puts have none.
		m.require(errors.Cause(err) == engine.ErrDiskFull, "the disk is full, got %v", err)
		return
	}
	m.noError(err)
	if b.Len() > 0 {
		m.model.write(b.Ops())
	}
	if sync {
		m.model.sync()
	}
}

func (m *machine) requireSyncError(err error) {
	m.t.Helper()
	_, ok := err.(*engine.SyncError)
	m.require(ok, "want a *engine.SyncError, got %v", err)
}

func (m *machine) sync() {
	m.logf("sync")
	err := m.engine.Sync()
	if m.model.failed {
		m.requireSyncError(err)
		return
	}
	m.noError(err)
	m.model.sync()
}

func (m *machine) failSync() {
	f, ok := m.store.(Failer)
	if !ok || m.model.failed || len(m.model.unsynced) == 0 {
		return
	}
	m.logf("fail a sync")
	f.FailSync(errors.NewNoStackError("injected"))
	m.requireSyncError(m.engine.Sync())
	m.model.failed = true
}

func (m *machine) toggleFull() {
	if f, ok := m.store.(Failer); ok {
		m.full = !m.full
		m.logf("disk full: %t", m.full)
		f.SetFull(m.full)
	}
}

func (m *machine) get() {
	cf, key := m.family(), m.key()
	m.logf("get %s %q", cf, key)
	m.checkGet(m.engine, m.model.now, cf, key)
}

func (m *machine) checkGet(r engine.Reader, s state, cf engine.CF, key string) {
	m.t.Helper()
	want, there := s[cf][key]
	got, found, err := r.Get(cf, []byte(key))
	m.noError(err)
	m.require(found == there && string(got) == want && (got != nil) == found,
		"get %s %q: got %.40q, %t, want %.40q, %t", cf, key, got, found, want, there)
}

func (m *machine) iterate() {
	cf, r := m.family(), m.bounds()
	m.logf("iterate %s [%q, %q)", cf, r.Start, r.End)
	m.checkIterate(m.engine, m.model.now, cf, r)
}

// checkIterate walks an iterator from a few places.
func (m *machine) checkIterate(reader engine.Reader, s state, cf engine.CF, r engine.Range) {
	m.t.Helper()
	it, err := reader.Iterate(cf, r)
	m.noError(err)
	want := s.scan(cf, r)
	for n := m.next(3); n >= 0; n-- {
		seek := ""
		if n > 0 {
			seek = m.key()
		}
		m.logf("  seek %q", seek)
		left := want
		for len(left) > 0 && left[0].Key < seek {
			left = left[1:]
		}
		steps := len(left)
		if n > 0 {
			steps = min(steps, m.next(8))
		}
		it.Seek([]byte(seek))
		for i, kv := range left[:steps] {
			m.require(it.Valid() && string(it.Key()) == kv.Key && string(it.Value()) == kv.Value,
				"entry %d after seek %q: got %t %q = %.40q, want %q = %.40q", i, seek, it.Valid(), it.Key(), it.Value(), kv.Key, kv.Value)
			it.Next()
		}
		m.require(it.Valid() == (steps < len(left)), "after %d entries from seek %q of %q: valid is %t", steps, seek, want, it.Valid())
	}
	m.noError(it.Close())
}

func (m *machine) snapshot() {
	if len(m.snapshots) == maxSnapshots {
		return
	}
	m.logf("snapshot %d", len(m.snapshots))
	snap, err := m.engine.Snapshot()
	m.noError(err)
	it, err := snap.Iterate(engine.CFDefault, engine.Range{})
	m.noError(err)
	it.Seek(nil)
	s := m.model.now.clone()
	m.snapshots = append(m.snapshots, heldSnapshot{snap, s, it, s.scan(engine.CFDefault, engine.Range{})})
}

func (m *machine) readSnapshot() {
	if len(m.snapshots) == 0 {
		return
	}
	i := m.next(len(m.snapshots))
	h := &m.snapshots[i]
	switch m.next(3) {
	case 0:
		cf, key := m.family(), m.key()
		m.logf("get %s %q of snapshot %d", cf, key, i)
		m.checkGet(h.snapshot, h.state, cf, key)
	case 1:
		cf, r := m.family(), m.bounds()
		m.logf("iterate %s [%q, %q) of snapshot %d", cf, r.Start, r.End, i)
		m.checkIterate(h.snapshot, h.state, cf, r)
	default:
		m.logf("next entry of snapshot %d", i)
		m.require(h.it.Valid() == (len(h.kvs) > 0), "snapshot %d: iterator valid is %t, %d entries left", i, h.it.Valid(), len(h.kvs))
		if len(h.kvs) > 0 {
			m.require(string(h.it.Key()) == h.kvs[0].Key && string(h.it.Value()) == h.kvs[0].Value,
				"snapshot %d: got %q = %.40q, want %q = %.40q", i, h.it.Key(), h.it.Value(), h.kvs[0].Key, h.kvs[0].Value)
			h.it.Next()
			h.kvs = h.kvs[1:]
		}
	}
}

func (m *machine) closeSnapshot() {
	if len(m.snapshots) == 0 {
		return
	}
	i := m.next(len(m.snapshots))
	m.logf("close snapshot %d", i)
	m.noError(m.snapshots[i].it.Close())
	m.noError(m.snapshots[i].snapshot.Close())
	m.snapshots = append(m.snapshots[:i], m.snapshots[i+1:]...)
}

// deleteRange syncs after the operation: DeleteRange writes several batches,
// which the model does not know, so a program must not crash between them.
func (m *machine) deleteRange() {
	if m.full {
		return
	}
	cf, r := m.family(), m.bounds()
	m.logf("delete range %s [%q, %q)", cf, r.Start, r.End)
	err := m.engine.DeleteRange(cf, r)
	gone := m.model.now.scan(cf, r)
	if m.model.failed {
		if len(gone) > 0 {
			m.requireSyncError(err)
		}
		return
	}
	m.noError(err)
	var ops []engine.Op
	for _, kv := range gone {
		ops = append(ops, engine.Op{CF: cf, Key: []byte(kv.Key), Delete: true})
	}
	m.model.write(ops)
	m.noError(m.engine.Sync())
	m.model.sync()
}

// size checks the one thing that ApproximateSize must get exactly right: the
// size of an empty range is 0.
func (m *machine) size() {
	cf, r := m.family(), m.bounds()
	m.logf("size %s [%q, %q)", cf, r.Start, r.End)
	n, err := m.engine.ApproximateSize(cf, r)
	m.noError(err)
	if len(r.End) > 0 && string(r.Start) >= string(r.End) {
		m.require(n == 0, "an empty range has size %d", n)
	}
}

func (m *machine) reopen() {
	m.logf("reopen")
	m.close()
	m.open()
	m.compare()
}

func (m *machine) crash() {
	c, ok := m.store.(Crasher)
	if !ok {
		return
	}
	m.require(c.Unsynced() == len(m.model.unsynced), "%d batches are unsynced, want %d", c.Unsynced(), len(m.model.unsynced))
	keep := m.next(len(m.model.unsynced) + 1)
	m.logf("crash, keep %d of %d unsynced batches", keep, len(m.model.unsynced))
	held := m.snapshots
	m.snapshots = nil
	dead := m.engine
	c.Crash(keep)
	for _, h := range held {
		m.require(!h.it.Valid() && h.it.Close() == engine.ErrClosed, "an iterator survived the crash")
		m.noError(h.snapshot.Close())
	}
	m.require(dead.Sync() == engine.ErrClosed, "an engine survived the crash")

	m.open()
	// The store may keep more than it must. Find out how much it kept.
	for ; ; keep++ {
		m.require(keep <= len(m.model.unsynced), "the batches that survived are not a prefix of the batches that were written")
		if m.sameAfter(keep) {
			break
		}
	}
	m.model.crash(keep)
	m.compare()
}

// sameAfter reports whether the engine holds the state after the first keep of
// the unsynced batches.
func (m *machine) sameAfter(keep int) bool {
	s := m.model.durable.clone()
	for _, ops := range m.model.unsynced[:keep] {
		s.apply(ops)
	}
	for _, cf := range engine.Families {
		want, got := s.scan(cf, engine.Range{}), scan(m.t, m.engine, cf, engine.Range{})
		if !slices.Equal(want, got) {
			return false
		}
	}
	return true
}

// compare requires that the engine holds the state of the model.
func (m *machine) compare() {
	m.t.Helper()
	for _, cf := range engine.Families {
		want, got := m.model.now.scan(cf, engine.Range{}), scan(m.t, m.engine, cf, engine.Range{})
		m.require(slices.Equal(want, got), "family %s: got %.40q, want %.40q", cf, got, want)
	}
}

func (m *machine) open() {
	e, err := m.store.Open(engine.Families...)
	m.noError(err)
	m.engine = e
}

func (m *machine) close() {
	for len(m.snapshots) > 0 {
		h := m.snapshots[0]
		m.snapshots = m.snapshots[1:]
		m.noError(h.it.Close())
		m.noError(h.snapshot.Close())
	}
	err := m.engine.Close()
	if !m.model.failed {
		m.noError(err)
		m.model.sync()
		return
	}
	// The data of the failed sync are still in the cache of the operating
	// system, which outlives the engine. The next engine makes them
	// durable.
	m.requireSyncError(err)
	require.NoError(m.t, m.engine.Close())
	m.model.crash(len(m.model.unsynced))
}

//go:build cgo

package badger

import (
	"sync"
	"sync/atomic"

	"github.com/Connor1996/badger/skl"
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
)

const (
	// maxGroup is the largest number of bytes that a leader merges into one
	// transaction, unless a single batch has more.
	maxGroup = 1 << 20
	// mergingLists is the largest number of transactions that badger counts
	// twice, at one time, in the size of its table in memory, while it
	// merges them.
	mergingLists = 4
)

// A writer brings batches into badger, in the order in which they come, some
// together in one transaction. One transaction is under way at a time: badger
// reports neither a failure to write its log nor in which of its tables in
// memory a transaction is, and the writer can find out both for one transaction
// at a time.
type writer struct {
	dir    string
	db     *database
	syncer *syncer
	prefix map[engine.CF][]byte
	// overhead is the largest number of bytes that an intent takes for a
	// write, beyond its key and its value.
	overhead int
	size     int64 // of a table in memory, in bytes
	reserve  uint64
	// freeSpace is a field so that tests can fill the disk.
	freeSpace func(dir string) (uint64, error)

	mu    sync.Mutex
	queue []*request
	// led is set while a caller leads: the caller that was the first of the
	// queue, and has taken its group out of the queue.
	led bool

	// committed is the number of the last commit that badger has. Only the
	// leader sets it.
	committed atomic.Uint64

	// The fields below belong to the leader.

	// dead is set once badger no longer writes its log.
	dead bool

	entries []entry // reused
	// recent has the sizes in memory of the last transactions, in bytes, as
	// a ring; next is the place of the next one.
	recent [mergingLists]int64
	next   int
	// intended is set if the last commit had an intent.
	intended bool
	// unchecked is the number of bytes that were written since the last
	// look at the free space, and full is set if that look found too
	// little.
	unchecked int64
	full      bool
}

// A request is a batch that waits to be written.
type request struct {
	batch *engine.Batch
	// wake gets a token when the request is done, or when its caller must
	// lead.
	wake chan struct{}
	done bool
	err  error
}

// write writes b, unsynced, and returns the number of a commit by which it is
// written. b must not be empty.
func (w *writer) write(b *engine.Batch) (uint64, error) {
	r := &request{batch: b, wake: make(chan struct{}, 1)}
	w.mu.Lock()
	w.queue = append(w.queue, r)
	if w.led {
		w.mu.Unlock()
		<-r.wake
		if r.done {
			return w.committed.Load(), r.err
		}
		w.mu.Lock()
	}
	w.led = true
	group := w.take()
	w.mu.Unlock()

	err := w.commit(group)

	w.mu.Lock()
	for _, other := range group {
		if other != r {
			other.done, other.err = true, err
			other.wake <- struct{}{}
		}
	}
	if w.led = len(w.queue) > 0; w.led {
		w.queue[0].wake <- struct{}{}
	}
	w.mu.Unlock()
	return w.committed.Load(), err
}

// take removes a group from the queue and returns it: the first request, and
// further ones while all together are no larger than a single batch may be.
func (w *writer) take() []*request {
	limit := min(maxGroup, int(w.size)/4)
	n, size := 0, 0
	for n < len(w.queue) {
		b := w.queue[n].batch
		size += b.Size() + b.Len()*w.overhead
		if n > 0 && size > limit {
			break
		}
		n++
	}
	group := w.queue[:n:n]
	w.queue = w.queue[n:]
	return group
}

// An entry is one write, as badger gets it.
type entry struct {
	key    []byte
	value  []byte
	delete bool
}

// memSize returns an upper bound for the bytes that e takes in a table in
// memory.
func (e *entry) memSize() int64 {
	const timestamp, meta = 8, 2
	return int64(len(e.key) + timestamp + len(e.value) + meta + skl.EstimateNodeSize)
}

// commit writes the batches of group in one transaction.
func (w *writer) commit(group []*request) error {
	if err := w.syncer.err(); err != nil {
		return err
	}
	bytes := 0
	for _, r := range group {
		for _, op := range r.batch.Ops() {
			bytes += len(w.prefix[op.CF]) + len(op.Key) + len(op.Value)
		}
	}
	if err := w.admit(bytes); err != nil {
		return err
	}

	// Badger merges the entries into its table in memory after it has
	// answered, so it needs a copy of its own.
	buf := make([]byte, 0, bytes)
	defer func() { clear(w.entries); w.entries = w.entries[:0] }()
	for _, r := range group {
		for _, op := range r.batch.Ops() {
			at := len(buf)
			buf = append(buf, w.prefix[op.CF]...)
			buf = append(buf, op.Key...)
			mid := len(buf)
			buf = append(buf, op.Value...)
			w.entries = append(w.entries, entry{buf[at:mid:mid], buf[mid:len(buf):len(buf)], op.Delete})
		}
	}
	return w.commitEntries()
}

// admit returns engine.ErrDiskFull unless there is room for bytes more bytes.
// While there is plenty of room, it looks at the disk only now and then.
func (w *writer) admit(bytes int) error {
	w.unchecked += int64(bytes)
	if !w.full && w.unchecked < w.size/4 {
		return nil
	}
	free, err := w.freeSpace(w.dir)
	if err != nil {
		return errors.Wrap(err, "cannot determine the free space")
	}
	w.unchecked, w.full = 0, free < w.reserve
	if w.full {
		return engine.ErrDiskFull
	}
	return nil
}

// commitEntries writes w.entries as one commit, with an intent before it if a
// crash could tear it otherwise.
func (w *writer) commitEntries() error {
	record := commitRecord{seq: w.committed.Load() + 1}
	record.synced, record.fileSize = w.syncer.position()
	w.entries = append(w.entries, entry{key: keyCommit, value: record.append(nil)})
	if w.intended {
		w.entries = append(w.entries, entry{key: keyIntent, delete: true})
	}
	size := int64(0)
	for i := range w.entries {
		size += w.entries[i].memSize()
	}
	if w.mayStraddle(size) {
		intent := entry{key: keyIntent, value: appendIntent(nil, w.entries)}
		if err := w.transact([]entry{intent}, intent.memSize()); err != nil {
			return err
		}
		if w.intended {
			w.entries = w.entries[:len(w.entries)-1] // the old intent was just replaced
		}
		w.intended = true
	} else {
		w.intended = false
	}
	if err := w.transact(w.entries, size); err != nil {
		return err
	}
	if err := w.verify(record.seq); err != nil {
		return err
	}
	w.committed.Store(record.seq)
	return nil
}

// mayStraddle reports whether a transaction of size bytes in memory may end up
// in two tables.
func (w *writer) mayStraddle(size int64) bool {
	used := w.db.memSize()
	for _, n := range w.recent {
		used += n
	}
	return used+size > w.size
}

// transact writes entries, which take size bytes in memory, as one transaction.
func (w *writer) transact(entries []entry, size int64) error {
	w.recent[w.next] = size
	w.next = (w.next + 1) % len(w.recent)

	txn := w.db.begin(true)
	defer txn.Discard()
	for i := range entries {
		e := &entries[i]
		var err error
		if e.delete {
			err = txn.Delete(e.key)
		} else {
			err = txn.Set(e.key, e.value)
		}
		if err != nil {
			return errors.Wrapf(err, "cannot write key %q", e.key)
		}
	}
	return errors.Wrap(txn.Commit(), "cannot commit")
}

// verify returns an error unless badger has commit number seq. Commit returns
// no error if badger could not write its log, but then the commit is not there.
// The goroutine that writes the log has then ended, too, so verify ends all
// writing.
func (w *writer) verify(seq uint64) error {
	c, err := w.db.readCommit()
	if err == nil && c.seq == seq {
		return nil
	}
	if err == nil {
		err = errors.NewNoStackError("badger could not write its log, see the log of this program")
	}
	w.dead = true
	return w.syncer.fail(err)
}

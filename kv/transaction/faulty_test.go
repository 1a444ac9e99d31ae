package transaction_test

import (
	"errors"
	"slices"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
)

// errDisk is what a faulty view meets.
var errDisk = errors.New("bad sector")

// ofDisk reports whether err is errDisk, or wraps it: as fmt.Errorf does, or as
// github.com/pingcap/errors does, which errors.Is does not see.
func ofDisk(err error) bool {
	for err != nil && !errors.Is(err, errDisk) {
		switch e := err.(type) {
		case interface{ Cause() error }:
			err = e.Cause()
		case interface{ Unwrap() []error }:
			return slices.ContainsFunc(e.Unwrap(), ofDisk)
		default:
			err = errors.Unwrap(err)
		}
	}
	return err != nil
}

// A fault says where reading fails, and when: after the first steps in that family. Each
// Get is a step, and each move of an iterator.
type fault struct {
	// get, iterate and walk are families: where Get fails, Iterate does, or an iterator
	// stops, which looks like the end of its range until it is closed. "" is none.
	get, iterate, walk engine.CF
	after              int
}

// faulty is reader for data on a disk that fails. The caller closes the view.
func (d *data) faulty(f fault) (*transaction.Reader, *faultyView) {
	d.t.Helper()
	snapshot, err := d.engine.Snapshot()
	require.NoError(d.t, err, "a snapshot of the engine")
	view := &faultyView{Snapshot: snapshot, fault: f}
	return transaction.NewReader(view), view
}

// A faultyView is a snapshot on a disk that fails.
type faultyView struct {
	engine.Snapshot
	fault  fault
	failed bool // it has met its fault
}

// fails reports whether the next step fails.
func (v *faultyView) fails() bool {
	if v.fault.after > 0 {
		v.fault.after--
		return false
	}
	v.failed = true
	return true
}

func (v *faultyView) Get(cf engine.CF, key []byte) (value []byte, found bool, err error) {
	if cf == v.fault.get && v.fails() {
		return nil, false, errDisk
	}
	return v.Snapshot.Get(cf, key)
}

func (v *faultyView) Iterate(cf engine.CF, r engine.Range) (engine.Iterator, error) {
	if cf == v.fault.iterate && v.fails() {
		return nil, errDisk
	}
	it, err := v.Snapshot.Iterate(cf, r)
	if err != nil || cf != v.fault.walk {
		return it, err
	}
	return &faultyIterator{Iterator: it, view: v}, nil
}

type faultyIterator struct {
	engine.Iterator
	view   *faultyView
	failed bool
}

func (it *faultyIterator) moves() bool {
	it.failed = it.failed || it.view.fails()
	return !it.failed
}

func (it *faultyIterator) Seek(key []byte) {
	if it.moves() {
		it.Iterator.Seek(key)
	}
}

func (it *faultyIterator) Next() {
	if it.Valid() && it.moves() {
		it.Iterator.Next()
	}
}

func (it *faultyIterator) Valid() bool { return !it.failed && it.Iterator.Valid() }

func (it *faultyIterator) Key() []byte {
	if it.failed {
		return nil
	}
	return it.Iterator.Key()
}

func (it *faultyIterator) Value() []byte {
	if it.failed {
		return nil
	}
	return it.Iterator.Value()
}

func (it *faultyIterator) Close() error {
	if err := it.Iterator.Close(); !it.failed {
		return err
	}
	return errDisk
}

//go:build variant

// A reader says of an error of the view what it was reading: locks with
// github.com/pingcap/errors, which errors.Is does not see, and values as fmt.Errorf does.
// The comment on Reader has the error returned, and leaves free how it is wrapped.
//
//lab:variant kv/transaction 4A 4B 4C kv/server
package transaction

import (
	"fmt"

	"github.com/pingcap/errors"
)

func (r *Reader) Lock(key []byte) (*Lock, error) {
	lock, err := r.Lock_original(key)
	return lock, errors.Annotatef(err, "the lock of %q", key)
}

func (r *Reader) Value(key []byte, ts uint64) (value []byte, found bool, err error) {
	if value, found, err = r.Value_original(key, ts); err != nil {
		err = fmt.Errorf("the value of %q: %w", key, errors.Annotatef(err, "at %d", ts))
	}
	return value, found, err
}

func (r *Reader) RecordOf(key []byte, startTS uint64) (*Record, error) {
	record, err := r.RecordOf_original(key, startTS)
	return record, errors.Annotatef(err, "the record of %d at %q", startTS, key)
}

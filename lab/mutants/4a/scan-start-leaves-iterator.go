//go:build mutant

// If the second iterator of a scanner cannot be opened, the first one stays open.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
)

func NewScanner(r *Reader, start []byte, ts uint64) (*Scanner, error) {
	var within engine.Range
	if len(start) > 0 {
		within.Start = EncodeKey(start)
	}
	locks, err := r.view.Iterate(engine.CFLock, within)
	if err != nil {
		return nil, err
	}
	writes, err := r.view.Iterate(engine.CFWrite, within)
	if err != nil {

		return nil, err
	}
	locks.Seek(nil)
	writes.Seek(nil)
	return &Scanner{ts: ts, reader: r, locks: locks, writes: writes}, nil
}

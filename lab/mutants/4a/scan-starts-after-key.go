//go:build mutant

// A scan starts after the versions of its start key: the key itself is left out.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/labkv/labkv/kv/engine"
)

func NewScanner(r *Reader, start []byte, ts uint64) (*Scanner, error) {
	var within engine.Range
	if len(start) > 0 {
		within.Start = append(afterVersions(start), 0)
	}
	locks, err := r.view.Iterate(engine.CFLock, within)
	if err != nil {
		return nil, err
	}
	writes, err := r.view.Iterate(engine.CFWrite, within)
	if err != nil {
		locks.Close()
		return nil, err
	}
	locks.Seek(nil)
	writes.Seek(nil)
	return &Scanner{ts: ts, reader: r, locks: locks, writes: writes}, nil
}

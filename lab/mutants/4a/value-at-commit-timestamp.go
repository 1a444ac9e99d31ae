//go:build mutant

// The value is looked for at the commit timestamp. It was stored at the start
// timestamp, when no one knew the other one.
//
//lab:mutant 4A kv/transaction
package transaction

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/kv/engine"
)

func (r *Reader) valueOf(key []byte, record *Record) ([]byte, error) {
	value, found, err := r.view.Get(engine.CFDefault, VersionKey(key, record.CommitTS))
	if err == nil && !found {
		err = errors.Errorf("key %q is corrupt", key)
	}
	return value, err
}

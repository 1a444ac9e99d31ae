package memory

import (
	"strings"

	"github.com/tidwall/btree"

	"github.com/labkv/labkv/kv/engine"
)

// A tree is an ordered copy-on-write map. Keys and values are strings because
// the copies of a tree share them, and a string never changes.
type tree = btree.Map[string, string]

// degree is the branching factor of the trees. With small nodes the first write
// after a snapshot copies little; reads are hardly slower.
const degree = 8

// A family is the present state of one column family.
type family struct {
	tree *tree
	// frozen is a copy of tree for snapshots. It is nil if tree has changed
	// since.
	frozen *tree
	// bytes is the number of bytes of all keys and values.
	bytes int64
}

func newFamily() *family {
	return &family{tree: btree.NewMap[string, string](degree)}
}

// put sets key to value. It returns its own copy of key, and the value that it
// replaced, if there was one.
func (f *family) put(key, value []byte) (k, old string, had bool) {
	// One allocation serves both. It is freed as a whole, because a later
	// put replaces the key together with the value.
	var buf strings.Builder
	buf.Grow(len(key) + len(value))
	buf.Write(key)
	buf.Write(value)
	kv := buf.String()
	k = kv[:len(key)]
	old, had = f.set(k, kv[len(key):])
	return k, old, had
}

func (f *family) set(key, value string) (old string, had bool) {
	f.frozen = nil
	old, had = f.tree.Set(key, value)
	if had {
		f.bytes += int64(len(value) - len(old))
	} else {
		f.bytes += int64(len(key) + len(value))
	}
	return old, had
}

func (f *family) delete(key string) (old string, had bool) {
	f.frozen = nil
	if old, had = f.tree.Delete(key); had {
		f.bytes -= int64(len(key) + len(old))
	}
	return old, had
}

// freeze returns the present state. The tree never changes.
func (f *family) freeze() *tree {
	if f.frozen == nil {
		f.frozen = f.tree.Copy()
	}
	return f.frozen
}

// size returns the number of bytes of keys and values within r. It walks the
// range, unless the range is the whole family.
func (f *family) size(r engine.Range) uint64 {
	if len(r.Start) == 0 && len(r.End) == 0 {
		return uint64(f.bytes)
	}
	var n uint64
	end := string(r.End)
	f.tree.Ascend(string(r.Start), func(key, value string) bool {
		if end != "" && key >= end {
			return false
		}
		n += uint64(len(key) + len(value))
		return true
	})
	return n
}

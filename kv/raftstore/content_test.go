package raftstore_test

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/proto/metapb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

func set(cf engine.CF, key, value string) engine.Op {
	return engine.Op{CF: cf, Key: []byte(key), Value: []byte(value)}
}

func remove(cf engine.CF, key string) engine.Op {
	return engine.Op{CF: cf, Key: []byte(key), Delete: true}
}

// command returns the data of an entry that proposes ops.
func command(t testing.TB, epoch *metapb.RegionEpoch, ops ...engine.Op) []byte {
	t.Helper()
	c := &raftserverpb.Command{Epoch: epoch}
	for _, op := range ops {
		c.Writes = append(c.Writes, &raftserverpb.Write{Cf: op.CF, Key: op.Key, Value: op.Value, Delete: op.Delete})
	}
	data, err := proto.Marshal(c)
	require.NoError(t, err, "Iterate over the data of a store")
	return data
}

// A content maps "family/key" to a value: content["lock/k"].
type content map[string]string

// differs describes the first difference of found from c, by family and key, or
// returns "" if there is none.
func (c content) differs(found content) string {
	for _, place := range slices.Sorted(maps.Keys(c)) {
		if value, ok := found[place]; !ok {
			return fmt.Sprintf("nothing at %s, where %q was written", place, shortened(c[place]))
		} else if value != c[place] {
			return fmt.Sprintf("%q at %s, where %q was written last", shortened(value), place, shortened(c[place]))
		}
	}
	for _, place := range slices.Sorted(maps.Keys(found)) {
		if _, ok := c[place]; !ok {
			return fmt.Sprintf("%q at %s, where there should be nothing", shortened(found[place]), place)
		}
	}
	return ""
}

// shortened returns value, cut if it is too long for a failure.
func shortened(value string) string {
	const most = 20
	if len(value) > most {
		return value[:most] + "…"
	}
	return value
}

// read returns all data of a reader.
func read(t testing.TB, r engine.Reader) content {
	t.Helper()
	all := content{}
	for _, cf := range engine.Families {
		it, err := r.Iterate(cf, engine.Range{})
		if err != nil {
			t.Fatalf("the data cannot be read: %v", err)
		}
		for it.Seek(nil); it.Valid(); it.Next() {
			all[string(cf)+"/"+string(it.Key())] = string(it.Value())
		}
		require.NoError(t, it.Close(), "closing an iterator over the data of a store")
	}
	return all
}

// sorted ranges over a map in the order of its keys.
func sorted[V any](m map[string]V) iter.Seq2[string, V] {
	return func(yield func(string, V) bool) {
		for _, key := range slices.Sorted(maps.Keys(m)) {
			if !yield(key, m[key]) {
				return
			}
		}
	}
}

package transaction_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
)

// Keys of users, in order, and places for a region to end: FirstKey is the first of the
// keys that lies there or after.
func TestFirstKey(t *testing.T) {
	var keys [][]byte // of up to 10 bytes, which end in the most interesting ones
	var places [][]byte
	letters := []byte{0, 1, 'a', 0xf6, 0xf7, 0xf8, 0xfe, 0xff}
	for _, length := range []int{1, 2, 7, 8, 9, 10} {
		for _, fill := range letters {
			for _, x := range letters {
				for _, y := range letters {
					key := bytes.Repeat([]byte{fill}, length)
					copy(key[max(length-2, 0):], []byte{x, y})
					keys = append(keys, key)
				}
			}
		}
	}
	keys = slices.DeleteFunc(keys, func(key []byte) bool { return len(key) == 0 })
	slices.SortFunc(keys, bytes.Compare)
	for _, key := range keys {
		encoded := transaction.EncodeKey(key)
		places = append(places, key, encoded, encoded[:len(encoded)-1], append(bytes.Clone(encoded), 'x'))
	}
	for _, at := range places {
		first := transaction.FirstKey(at)
		require.NotEmpty(t, first, "FirstKey(%x)", at)
		require.GreaterOrEqual(t, string(transaction.EncodeKey(first)), string(at), "FirstKey(%x)", at)
		i, _ := slices.BinarySearchFunc(keys, first, bytes.Compare)
		if i > 0 {
			require.Less(t, string(transaction.EncodeKey(keys[i-1])), string(at), "FirstKey(%x) is %x, and %x is there, too", at, first, keys[i-1])
		}
		// A region that ends there keeps together what belongs to a key.
		if cut := transaction.SplitKey(at); len(cut) == len(at) {
			for _, key := range keys {
				lock, last := string(transaction.EncodeKey(key)), string(transaction.VersionKey(key, 0))
				if (lock < string(at)) != (last < string(at)) {
					t.Fatalf("a region that ends at %x has the lock of %x and not all versions", at, key)
				}
			}
		}
	}
	require.Equal(t, "\x00", string(transaction.FirstKey(nil)))
}

package standalone_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/storage"
	"github.com/labkv/labkv/lab/graded"
)

const (
	cfDefault = engine.CFDefault
	cfLock    = engine.CFLock
	cfWrite   = engine.CFWrite
)

// TestReadYourWrites1 writes pairs to every family, in batches of several
// sizes, and reads each back: with Get, and by walking the family. Keys and values
// are bytes, so zero bytes and bytes that are not text must come back as they
// were.
func TestReadYourWrites1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what a Write stored, every later Reader finds",
		Source: contract,
	}, func(t *graded.T) {
		s := newMachine().start(t)
		pairs := [][2]string{
			{"a", "1"},
			{"\x00", "a zero byte is a key"},
			{"\x00\x00", "so are two"},
			{"\xff\xfe\xfd", "\x00\xff not text \x80"},
			{"long", string(make([]byte, 100_000))},
		}
		for _, cf := range engine.Families {
			var batch []engine.Op
			for _, pair := range pairs {
				batch = append(batch, put(cf, pair[0], cf+pair[1]))
			}
			write(t, s, batch[0])
			write(t, s, batch[1:]...)
		}
		r := reader(t, s)
		for _, cf := range engine.Families {
			for _, pair := range pairs {
				require.True(t, get(t, r, cf, pair[0]) == cf+pair[1], "Get %s %q returned another value than was written", cf, pair[0])
			}
			require.Len(t, dump(t, r, cf, engine.Range{}), len(pairs), "pairs in family %s", cf)
		}
	})
}

// TestAbsentKeyIsNoError1 reads keys that were never written, that were
// deleted, and that exist in another family only. Each time the answer is
// found == false, without an error: that a key is not there is something to
// know, not something that went wrong.
func TestAbsentKeyIsNoError1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "reading a key that is not there is not an error: found is false",
		Source: contract,
	}, func(t *graded.T) {
		s := newMachine().start(t)
		write(t, s, put(cfDefault, "gone", "x"), put(cfLock, "elsewhere", "x"))
		write(t, s, del(cfDefault, "gone"))
		r := reader(t, s)
		for _, key := range []string{"never", "gone", "elsewhere", "gon", "gone\x00"} {
			value, found, err := r.Get(cfDefault, []byte(key))
			require.NoError(t, err, "Get of absent key %q", key)
			require.False(t, found, "Get found %q, which is not there", key)
			require.Empty(t, value, "Get returned a value for %q, which is not there", key)
		}
	})
}

// TestEmptyValueIsPresent1 stores values without any byte, once as an empty
// slice and once as nil. Such a key is there: Get finds it and an iterator
// shows it. Only a delete makes it absent.
func TestEmptyValueIsPresent1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an empty value is a value, not an absent one",
		Source: contract,
	}, func(t *graded.T) {
		m := newMachine()
		s := m.start(t)
		write(t, s,
			engine.Op{CF: cfDefault, Key: []byte("empty"), Value: []byte{}},
			engine.Op{CF: cfDefault, Key: []byte("nil"), Value: nil},
		)
		check := func(s storage.Storage) {
			t.Helper()
			r := reader(t, s)
			for _, key := range []string{"empty", "nil"} {
				value, found, err := r.Get(cfDefault, []byte(key))
				require.NoError(t, err, "Get %q", key)
				require.True(t, found, "key %q was written with an empty value, and Get does not find it", key)
				require.Empty(t, value, "value of %q", key)
			}
			require.Equal(t, []string{"empty=", "nil="}, dump(t, r, cfDefault, engine.Range{}), "pairs that an iterator shows")
		}
		check(s)
		require.NoError(t, s.Stop(), "Stop")
		check(m.start(t))
	})
}

// TestFamiliesDoNotMix1 uses one key in all three families. What is written to
// or deleted from one of them shows in that one only, whether it is read with Get
// or walked with an iterator, and also if one batch writes to several.
func TestFamiliesDoNotMix1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "column families are key spaces of their own",
		Source: "the engine contract (package kv/engine)",
	}, func(t *graded.T) {
		s := newMachine().start(t)
		write(t, s, put(cfDefault, "k", "d1"))
		require.Equal(t, []string{"default/k=d1"}, everything(t, s), "all data after a put to default")
		write(t, s, put(cfLock, "k", "l1"), put(cfWrite, "k", "w1"), put(cfWrite, "k2", "w2"))
		require.Equal(t, []string{"default/k=d1", "lock/k=l1", "write/k=w1", "write/k2=w2"}, everything(t, s), "all data after a put to lock and write")
		write(t, s, del(cfLock, "k"), put(cfWrite, "k", "w3"))
		require.Equal(t, []string{"default/k=d1", "write/k=w3", "write/k2=w2"}, everything(t, s), "all data after a delete from lock and a put to write")
		write(t, s, del(cfDefault, "k2"), del(cfDefault, "k"))
		require.Equal(t, []string{"write/k=w3", "write/k2=w2"}, everything(t, s), "all data after deletes from default")
		require.Equal(t, absent, getNow(t, s, cfDefault, "k"), "Get of a key that was deleted from default")
		require.Equal(t, absent, getNow(t, s, cfLock, "k"), "Get of a key that was deleted from lock")
		require.Equal(t, "w3", getNow(t, s, cfWrite, "k"), "Get of a key of write that was overwritten")
	})
}

// TestLastWriteWins1 overwrites, deletes and writes again, in batches one after
// the other and within a single batch, where order counts as much. Deleting a
// key that is not there succeeds.
func TestLastWriteWins1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "writes take effect in order, also within one batch",
		Source: contract,
	}, func(t *graded.T) {
		s := newMachine().start(t)
		cases := []struct {
			name  string
			batch []engine.Op
			want  string
		}{
			{"delete of an absent key", []engine.Op{del(cfDefault, "k")}, absent},
			{"put", []engine.Op{put(cfDefault, "k", "1")}, "1"},
			{"overwrite", []engine.Op{put(cfDefault, "k", "2")}, "2"},
			{"shorter value", []engine.Op{put(cfDefault, "k", "")}, ""},
			{"delete", []engine.Op{del(cfDefault, "k")}, absent},
			{"delete again", []engine.Op{del(cfDefault, "k")}, absent},
			{"put after delete", []engine.Op{put(cfDefault, "k", "3")}, "3"},
			{"two puts in a batch", []engine.Op{put(cfDefault, "k", "4"), put(cfDefault, "k", "5")}, "5"},
			{"put, then delete in a batch", []engine.Op{put(cfDefault, "k", "6"), del(cfDefault, "k")}, absent},
			{"delete, then put in a batch", []engine.Op{del(cfDefault, "k"), put(cfDefault, "k", "7")}, "7"},
		}
		for _, c := range cases {
			write(t, s, c.batch...)
			require.Equal(t, c.want, getNow(t, s, cfDefault, "k"), "after %s", c.name)
		}
	})
}

// TestWriteCopies1 changes the slices of a batch after Write has returned, as a
// caller may that uses its buffers again. What is stored must not change with
// them, and neither must Write have changed the batch.
func TestWriteCopies1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "Write does not keep the caller's slices",
		Source: contract,
	}, func(t *graded.T) {
		s := newMachine().start(t)
		key, value := []byte("key"), []byte("value")
		batch := []engine.Op{{CF: cfDefault, Key: key, Value: value}, del(cfLock, "key")}
		write(t, s, batch...)
		require.Equal(t, []engine.Op{put(cfDefault, "key", "value"), del(cfLock, "key")}, batch, "Write changed its argument")
		copy(key, "KEY")
		copy(value, "VALUE")
		write(t, s, put(cfDefault, "other", "x"))
		require.Equal(t, []string{"default/key=value", "default/other=x"}, everything(t, s), "all data after the caller has changed what it had handed to Write")
	})
}

// TestIterateInOrder1 writes keys in a random order and walks them, whole and
// within bounds. The order is that of the bytes: 0xff comes after every letter,
// a prefix before its extensions. The start of a range is in it, its end is not.
func TestIterateInOrder1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an iterator walks the keys of its range in the order of their bytes",
		Source: "the engine contract (package kv/engine)",
	}, func(t *graded.T) {
		s := newMachine().start(t)
		keys := []string{"\x00", "\x00a", "A", "Z", "a", "a\x00", "aa", "ab", "b", "\x7f", "\x80", "\xff", "\xff\xff"}
		pair := func(keys []string) []string {
			pairs := []string{}
			for _, key := range keys {
				pairs = append(pairs, key+"="+key)
			}
			return pairs
		}
		shuffled := rand.New(rand.NewSource(1)).Perm(len(keys))
		for _, i := range shuffled {
			write(t, s, put(cfWrite, keys[i], keys[i]))
		}
		r := reader(t, s)
		cases := []struct {
			start, end string
			want       []string
		}{
			{"", "", keys},
			{"a", "", keys[4:]},
			{"", "a", keys[:4]},
			{"a", "b", keys[4:8]},
			{"aaa", "\x80", keys[7:10]},
			{"a", "a", nil},
			{"b", "a", nil},
			{"\xff\xff\x00", "", nil},
			{"\xff\xff", "", keys[12:]},
		}
		for _, c := range cases {
			got := dump(t, r, cfWrite, engine.Range{Start: []byte(c.start), End: []byte(c.end)})
			require.Equal(t, pair(c.want), got, "keys in [%q, %q)", c.start, c.end)
		}
		require.Empty(t, dump(t, r, cfDefault, engine.Range{}), "keys of a family that was never written")

		it, err := r.Iterate(cfWrite, engine.Range{Start: []byte("a"), End: []byte("b")})
		require.NoError(t, err, "Iterate over a range")
		defer it.Close()
		it.Seek([]byte("a\x01"))
		require.True(t, it.Valid(), "Seek between two keys does not find the second")
		require.Equal(t, "aa", string(it.Key()), "the key after Seek between two keys")
		it.Seek([]byte("b"))
		require.False(t, it.Valid(), "Seek to the end of the range finds a key")
		it.Seek([]byte("A"))
		require.True(t, it.Valid(), "Seek before the range does not find its first key")
		require.Equal(t, "a", string(it.Key()), "the key after Seek before the range")
	})
}

// TestReaderIsSnapshot1 opens a reader, then overwrites, deletes and adds keys.
// The reader goes on showing what was there when it was opened: to Get, to an
// iterator that was opened before the writes and to one that was opened after
// them. A new reader shows what is there now.
func TestReaderIsSnapshot1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a reader never changes, whatever is written after it was opened",
		Source: contract,
	}, func(t *graded.T) {
		s := newMachine().start(t)
		write(t, s, put(cfDefault, "a", "1"), put(cfDefault, "b", "1"), put(cfLock, "a", "1"))
		old := reader(t, s)
		before, err := old.Iterate(cfDefault, engine.Range{})
		require.NoError(t, err, "Iterate through a reader")
		before.Seek(nil)
		require.True(t, before.Valid(), "an iterator finds no key in a family that has two")

		write(t, s, put(cfDefault, "a", "2"))
		middle := reader(t, s)
		write(t, s, del(cfDefault, "b"), put(cfDefault, "c", "2"), del(cfLock, "a"), put(cfWrite, "a", "2"))

		before.Next()
		require.True(t, before.Valid(), "a key that was deleted later is gone from an iterator that was opened before")
		require.Equal(t, "b=1", string(before.Key())+"="+string(before.Value()), "second pair of an iterator that was opened before the writes")
		before.Next()
		require.False(t, before.Valid(), "an iterator shows a key that was added after it was opened")
		require.NoError(t, before.Close(), "closing an iterator")

		require.Equal(t, []string{"a=1", "b=1"}, dump(t, old, cfDefault, engine.Range{}), "oldest reader, family default")
		require.Equal(t, "1", get(t, old, cfDefault, "a"), "oldest reader, key a")
		require.Equal(t, "1", get(t, old, cfDefault, "b"), "oldest reader, key b")
		require.Equal(t, absent, get(t, old, cfDefault, "c"), "oldest reader, key c")
		require.Equal(t, "1", get(t, old, cfLock, "a"), "oldest reader, key a of family lock")
		require.Equal(t, absent, get(t, old, cfWrite, "a"), "oldest reader, key a of family write")
		require.Equal(t, []string{"a=2", "b=1"}, dump(t, middle, cfDefault, engine.Range{}), "reader between the writes")
		require.Equal(t, []string{"default/a=2", "default/c=2", "write/a=2"}, everything(t, s), "new reader")
	})
}

// TestBatchIsAtomic1 writes batches that the engine must refuse because of one
// write in the middle: its family does not exist, or its key is empty. The whole
// batch has to fail, and nothing of it may show.
func TestBatchIsAtomic1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a batch is applied as a whole or not at all",
		Source: contract,
	}, func(t *graded.T) {
		s := newMachine().start(t)
		write(t, s, put(cfDefault, "a", "old"), put(cfDefault, "b", "old"))
		for _, bad := range []engine.Op{put("nonsense", "k", "v"), del("nonsense", "k"), put(cfLock, "", "v"), del(cfLock, "")} {
			err := s.Write(t.Context(), rc, []engine.Op{
				put(cfDefault, "a", "new"), del(cfDefault, "b"), put(cfWrite, "c", "new"), bad, put(cfDefault, "d", "new"),
			})
			require.Error(t, err, "a batch with a write to family %q, key %q was accepted", bad.CF, bad.Key)
			require.Equal(t, []string{"default/a=old", "default/b=old"}, everything(t, s), "after a batch that failed")
		}
	})
}

// TestEmptyBatch1 writes no writes at all, which succeeds, changes nothing and
// need not touch the disk.
func TestEmptyBatch1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an empty batch changes nothing",
		Source: contract,
	}, func(t *graded.T) {
		m := newMachine()
		s := m.start(t)
		write(t, s, put(cfDefault, "a", "1"))
		write(t, s)
		require.NoError(t, s.Write(t.Context(), rc, []engine.Op{}), "Write of an empty batch")
		require.Equal(t, []string{"default/a=1"}, everything(t, s), "all data after Write of an empty batch")
	})
}

// TestConcurrentClients1 has several goroutines write, each a batch at a time
// that sets one key in every family to the same value, while others read. A
// reader must find the same value in all families, since it never sees half a
// batch, and the values it sees in one goroutine never go back.
func TestConcurrentClients1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "clients may use a storage at the same time, and none sees half a batch",
		Source: contract,
	}, func(t *graded.T) {
		const writers, rounds = 4, 200
		m := newMachine()
		s := m.start(t)
		var clients sync.WaitGroup
		failures := make(chan error, 2*writers)
		for w := range writers {
			key := fmt.Sprintf("key%d", w)
			clients.Go(func() {
				for i := 1; i <= rounds; i++ {
					value := fmt.Sprintf("%06d", i)
					err := s.Write(context.Background(), rc, []engine.Op{
						put(cfDefault, key, value), put(cfLock, key, value), put(cfWrite, key, value),
					})
					if err != nil {
						failures <- err
						return
					}
				}
			})
			clients.Go(func() {
				last := ""
				for range rounds {
					value, err := readAllFamilies(s, key)
					if err != nil {
						failures <- err
						return
					}
					if value < last {
						failures <- fmt.Errorf("a reader saw %s = %q after an earlier one saw %q", key, value, last)
						return
					}
					last = value
				}
			})
		}
		clients.Wait()
		close(failures)
		for err := range failures {
			require.NoError(t, err, "a client that reads and writes while others do")
		}
		for w := range writers {
			value, err := readAllFamilies(s, fmt.Sprintf("key%d", w))
			require.NoError(t, err, "reading a key of all families")
			require.Equal(t, fmt.Sprintf("%06d", rounds), value, "last value that writer %d wrote", w)
		}
		require.Zero(t, m.engine(t).OpenSnapshots(), "readers that are still open after all were closed")
	})
}

// readAllFamilies returns the value of key, which is to be the same in all
// families, or absent in all.
func readAllFamilies(s storage.Storage, key string) (string, error) {
	r, err := s.Reader(context.Background(), rc)
	if err != nil {
		return "", err
	}
	var values [3]string
	for i, cf := range engine.Families {
		value, _, err := r.Get(cf, []byte(key))
		if err != nil {
			return "", errors.Join(err, r.Close())
		}
		values[i] = string(value)
	}
	if values[0] != values[1] || values[1] != values[2] {
		return "", errors.Join(fmt.Errorf("a reader sees half a batch: %s has the values %q", key, values), r.Close())
	}
	return values[0], r.Close()
}

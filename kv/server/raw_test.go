package server_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/engine/memory"
	"github.com/labkv/labkv/kv/server"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// TestRawPutGet1 puts values through gRPC and gets them back: text, bytes that
// are no text, a value of a megabyte. It overwrites one, and finds all of them
// again in a second server on the same disk.
func TestRawPutGet1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "RawGet returns what RawPut stored last",
		Source: protocol,
	}, func(t *graded.T) {
		disk := memory.NewDisk()
		s := start(t, disk)
		pairs := [][2]string{
			{"a", "1"},
			{"\x00\xff", "\xff\x00 not text"},
			{"big", string(bytes.Repeat([]byte("0123456789abcdef"), 1<<16))},
		}
		for _, pair := range pairs {
			s.put("", pair[0], pair[1])
			require.True(t, s.get("", pair[0]) == pair[1], "RawGet %q returned another value than was put", pair[0])
		}
		s.put("", "a", "2")
		require.Equal(t, "2", s.get("", "a"), "after overwriting")
		s.stop()

		s = start(t, disk)
		require.Equal(t, "2", s.get("", "a"), "a second server on the same disk")
		require.True(t, s.get("", "big") == pairs[2][1], "a second server on the same disk returned another value than was put")
	})
}

// TestRawGetNotFound1 gets keys that are not there: not_found is set, and
// neither the error text nor the gRPC status says that anything was wrong.
func TestRawGetNotFound1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "RawGet of an absent key answers not_found, which is not an error",
		Source: protocol,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		require.Equal(t, absent, s.get("", "a"), "in an empty store")
		s.put("", "aa", "1")
		require.Equal(t, absent, s.get("", "a"), "a prefix of a key")
		require.Equal(t, absent, s.get("", "aaa"), "an extension of a key")
		s.remove("", "aa")
		require.Equal(t, absent, s.get("", "aa"), "a key that was deleted")
	})
}

// TestRawEmptyValue1 puts an empty value. The key is there from then on, to
// RawGet and to RawScan, until it is deleted.
func TestRawEmptyValue1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a key with an empty value is there",
		Source: protocol,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		s.put("", "a", "")
		require.Equal(t, "", s.get("", "a"), "RawGet of a key with an empty value")
		require.Equal(t, []string{"a="}, s.scan("", "", 10), "RawScan over a key with an empty value")
		s.put("", "a", "1")
		s.put("", "a", "")
		require.Equal(t, "", s.get("", "a"), "RawGet after overwriting with an empty value")
		s.remove("", "a")
		require.Equal(t, absent, s.get("", "a"), "RawGet of a key with an empty value that was deleted")
	})
}

// TestRawDelete1 deletes keys: there, not there, twice. It always succeeds, and
// only the key that was named is gone, from the family that was named.
func TestRawDelete1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "RawDelete removes one key from one family, and succeeds if there is nothing to remove",
		Source: protocol,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		s.remove("", "a")
		for _, cf := range engine.Families {
			s.put(cf, "a", cf)
			s.put(cf, "b", cf)
		}
		s.remove(engine.CFWrite, "a")
		s.remove(engine.CFWrite, "a")
		require.Equal(t, []string{"a=default", "b=default"}, s.scan(engine.CFDefault, "", 10), "RawScan of family default after a delete in family write")
		require.Equal(t, []string{"a=lock", "b=lock"}, s.scan(engine.CFLock, "", 10), "RawScan of family lock after a delete in family write")
		require.Equal(t, []string{"b=write"}, s.scan(engine.CFWrite, "", 10), "RawScan of family write after a delete in it")
		require.Equal(t, absent, s.get(engine.CFWrite, "a"), "RawGet of a key of family write that was deleted")
		s.put(engine.CFWrite, "a", "back")
		require.Equal(t, "back", s.get(engine.CFWrite, "a"), "a key that was put after it was deleted")
	})
}

// TestRawFamilies1 uses one key in three families, and calls the default one
// both by its name and by none at all.
func TestRawFamilies1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "raw commands keep to the family they name, and an empty name means default",
		Source: protocol,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		s.put("", "k", "d")
		require.Equal(t, "d", s.get(engine.CFDefault, "k"), "put without a family, get from default")
		require.Equal(t, absent, s.get(engine.CFLock, "k"), "put without a family, get from lock")
		require.Equal(t, absent, s.get(engine.CFWrite, "k"), "put without a family, get from write")
		s.put(engine.CFLock, "k", "l")
		s.put(engine.CFWrite, "k2", "w")
		require.Equal(t, "d", s.get("", "k"), "RawGet without a family, with the key in lock, too")
		require.Equal(t, "l", s.get(engine.CFLock, "k"), "RawGet from lock")
		require.Equal(t, []string{"k=d"}, s.scan("", "", 10), "RawScan without a family")
		require.Equal(t, []string{"k=l"}, s.scan(engine.CFLock, "", 10), "RawScan of lock")
		require.Equal(t, []string{"k2=w"}, s.scan(engine.CFWrite, "", 10), "RawScan of write")
		s.put(engine.CFDefault, "k", "d2")
		require.Equal(t, "d2", s.get("", "k"), "put to default, get without a family")
		s.remove("", "k")
		require.Equal(t, absent, s.get(engine.CFDefault, "k"), "delete without a family, get from default")
		require.Equal(t, "l", s.get(engine.CFLock, "k"), "delete without a family, get from lock")
	})
}

// TestRawScanOrder1 puts keys in a random order, and scans them all. They come
// in the order of their bytes, each with its own value, and each once.
func TestRawScanOrder1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "RawScan returns pairs in ascending order of their keys' bytes",
		Source: protocol,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		keys := []string{"\x00", "\x00\x00", "10", "2", "A", "a", "a\x00", "aa", "b", "\x7f", "\x80", "\xff", "\xff\x00"}
		want := []string{}
		for _, key := range keys {
			want = append(want, key+"=value of "+key)
		}
		for _, i := range rand.New(rand.NewSource(1)).Perm(len(keys)) {
			s.put("", keys[i], "value of "+keys[i])
		}
		require.Equal(t, want, s.scan("", "", 100), "RawScan of all keys")
		s.remove("", "A")
		s.remove("", "\xff\x00")
		want = slices.Delete(want, 12, 13)
		want = slices.Delete(want, 4, 5)
		require.Equal(t, want, s.scan("", "", 100), "after two were deleted")
	})
}

// TestRawScanLimit1 scans five keys with limits of 0 to the largest there is.
// The limit is never exceeded, and is reached whenever there are keys enough.
func TestRawScanLimit1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "RawScan returns at most limit pairs, and as many as there are up to that; 0 asks for none",
		Source: protocol,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		require.Empty(t, s.scan("", "", 10), "in an empty store")
		want := []string{}
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			s.put("", key, key)
			want = append(want, key+"="+key)
		}
		for _, limit := range []uint32{0, 1, 2, 4, 5, 6, 1000, math.MaxInt32, math.MaxInt32 + 1, math.MaxUint32} {
			n := min(uint64(limit), 5)
			require.Equal(t, want[:n], s.scan("", "", limit), "limit %d", limit)
			n = min(uint64(limit), 2)
			require.Equal(t, want[3:3+n], s.scan("", "d", limit), "from d, limit %d", limit)
		}
	})
}

// TestRawScanStart1 begins scans at a key, between keys, before the first, at
// and past the last. A start that is there is part of the result.
func TestRawScanStart1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "RawScan begins at the first key that is not smaller than start_key",
		Source: protocol,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		for _, key := range []string{"b", "d", "dd", "f"} {
			s.put("", key, key)
			s.put(engine.CFLock, "z", "z")
		}
		all := []string{"b=b", "d=d", "dd=dd", "f=f"}
		for _, c := range []struct {
			start string
			want  []string
		}{
			{"", all},
			{"\x00", all},
			{"a", all},
			{"b", all},
			{"b\x00", all[1:]},
			{"c", all[1:]},
			{"d", all[1:]},
			{"d\x00", all[2:]},
			{"dd", all[2:]},
			{"e", all[3:]},
			{"f", all[3:]},
			{"f\x00", []string{}},
			{"g", []string{}},
			{"\xff\xff\xff", []string{}},
		} {
			require.Equal(t, c.want, s.scan("", c.start, 10), "from %q", c.start)
		}
	})
}

// TestRawScanManyKeys1 scans stores of about 1, 2, 4 … 2048 keys, since code
// that works in chunks goes wrong at the seams. It also walks the largest page by
// page, as a client does that wants everything but not at once.
func TestRawScanManyKeys1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "RawScan misses no key and repeats none, however many there are",
		Source: protocol,
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		want := []string{}
		for i := range 2050 {
			key := fmt.Sprintf("key%05d", i)
			s.put("", key, fmt.Sprint(i))
			want = append(want, fmt.Sprintf("%s=%d", key, i))
			if n := i + 1; n&(n-1) == 0 || n&(n+1) == 0 || (n-1)&(n-2) == 0 {
				require.Equal(t, want, s.scan("", "", 1<<20), "%d keys", n)
				require.Equal(t, want, s.scan("", "", uint32(n)), "%d keys, limit %d", n, n)
			}
		}
		for _, page := range []int{1, 7, 64, 1000} {
			got := []string{}
			from := ""
			for len(got) < len(want) {
				pairs := s.scan("", from, uint32(page))
				require.NotEmpty(t, pairs, "page of %d after %q", page, from)
				got = append(got, pairs...)
				from = want[len(got)-1][:len("key00000")] + "\x00"
				if page == 1 && len(got) == 20 {
					break // enough of single steps
				}
			}
			require.Equal(t, want[:len(got)], got, "in pages of %d", page)
		}
	})
}

// TestRawScanSize1 scans values that do not fit into one message. A response
// then holds what fits, in whole pairs, and says that there is more; a client that
// goes on after the last key of each gets everything. A value that is larger
// than a message comes all alone, because a page without a pair would lead nowhere.
func TestRawScanSize1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a RawScan response stays within MaxScanSize and says if that cut it short",
		Source: "the comments on RawScan and MaxScanSize (kv/server/raw.go)",
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		// Twenty values of a third to nearly a whole MiB, and a large one that
		// still is below what a gRPC client accepts.
		var sizes []int
		for i := range 20 {
			sizes = append(sizes, (1<<20)/3+i*31_000)
		}
		sizes = append(sizes[:10], append([]int{server.MaxScanSize + 500_000}, sizes[10:]...)...)
		for i, size := range sizes {
			s.put("", fmt.Sprintf("key%02d", i), string(bytes.Repeat([]byte{byte(i)}, size)))
		}

		next, from := 0, []byte(nil)
		for page := 1; ; page++ {
			resp, err := s.RawScan(t.Context(), &kvrpcpb.RawScanRequest{Context: rc, StartKey: from, Limit: 1000})
			require.NoError(t, err, "page %d", page)
			require.Empty(t, resp.Error, "page %d", page)
			require.NotEmpty(t, resp.Kvs, "page %d has no pairs, so no client could go on after it", page)
			size := 0
			for _, pair := range resp.Kvs {
				require.Equal(t, fmt.Sprintf("key%02d", next), string(pair.Key), "page %d", page)
				require.Len(t, pair.Value, sizes[next], "value of %s", pair.Key)
				require.True(t, pair.Value[0] == byte(next) && pair.Value[len(pair.Value)-1] == byte(next), "%s has another key's value", pair.Key)
				size += len(pair.Key) + len(pair.Value) + 16
				next++
			}
			if len(resp.Kvs) > 1 {
				require.LessOrEqual(t, size, server.MaxScanSize, "size of page %d, which has %d pairs", page, len(resp.Kvs))
			}
			require.Equal(t, next < len(sizes), resp.More, "more, on page %d, which ends with %s", page, resp.Kvs[len(resp.Kvs)-1].Key)
			if next == len(sizes) {
				break
			}
			require.Greater(t, size+len("key00")+sizes[next]+16, server.MaxScanSize, "page %d ends although the next pair would fit", page)
			from = append(resp.Kvs[len(resp.Kvs)-1].Key, 0)
		}

		resp, err := s.RawScan(t.Context(), &kvrpcpb.RawScanRequest{Context: rc, Limit: 2})
		require.NoError(t, err, "status of RawScan with limit 2")
		require.Len(t, resp.Kvs, 2, "pairs of RawScan with limit 2")
		require.False(t, resp.More, "more is set on a response that the limit ended")
	})
}

// TestRawReadersAreReleased1 sends requests that end in every way there is
// (found, not found, limit reached, end reached, refused), and counts after each
// what the engine still has open. A reader that stays open makes the engine keep
// old values, and a server runs for months.
func TestRawReadersAreReleased1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a handler closes every reader and iterator it opened, however it ends",
		Source: "the storage contract (package kv/storage)",
	}, func(t *graded.T) {
		s := start(t, memory.NewDisk())
		for _, key := range []string{"a", "b", "c"} {
			s.put("", key, key)
		}
		released := func(after string) {
			t.Helper()
			require.Zero(t, s.engine.OpenIterators(), "iterators still open after %s", after)
			require.Zero(t, s.engine.OpenSnapshots(), "readers still open after %s", after)
		}
		s.get("", "a")
		released("a RawGet that found its key")
		s.get("", "x")
		released("a RawGet that found nothing")
		s.scan("", "", 0)
		released("a RawScan with limit 0")
		s.scan("", "", 2)
		released("a RawScan that reached its limit")
		s.scan("", "", 10)
		released("a RawScan that reached the end")
		s.scan("", "x", 10)
		released("a RawScan from past the end")
		s.all(rc, "nonsense", "a")
		released("requests for an unknown family")
		s.all(rc, "", "")
		released("requests for an empty key")
		s.all(nil, "", "a")
		released("requests without a context")
	})
}

// TestRawConcurrentClients1 has several clients put, get, scan and delete at the
// same time, each keys of its own. Each sees its own writes at once, and in the
// end the store holds exactly what they left.
func TestRawConcurrentClients1(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "clients that use different keys at the same time do not disturb each other",
		Source: "the storage contract (package kv/storage)",
	}, func(t *graded.T) {
		const clients, keys = 8, 50
		s := start(t, memory.NewDisk())
		failures := make(chan error, clients)
		var done sync.WaitGroup
		for c := range clients {
			done.Go(func() { failures <- s.workAs(c, keys) })
		}
		done.Wait()
		close(failures)
		for err := range failures {
			require.NoError(t, err, "a client that works on keys of its own")
		}
		want := []string{}
		for c := range clients {
			for k := range keys {
				if k%2 == 1 {
					want = append(want, fmt.Sprintf("%d/%03d=second", c, k))
				}
			}
		}
		require.Equal(t, want, s.scan("", "", math.MaxUint32), "after all clients are done")
		require.Zero(t, s.engine.OpenSnapshots(), "readers still open after all clients are done")
		require.Zero(t, s.engine.OpenIterators(), "iterators still open after all clients are done")
	})
}

// workAs writes, overwrites, and deletes every other one of n keys of client c. It
// runs beside other goroutines, so it returns errors instead of failing.
func (s *store) workAs(c, n int) error {
	ctx := s.t.Context()
	for k := range n {
		key := fmt.Appendf(nil, "%d/%03d", c, k)
		for _, value := range []string{"first", "second"} {
			put, err := s.RawPut(ctx, &kvrpcpb.RawPutRequest{Context: rc, Key: key, Value: []byte(value)})
			if err != nil || put.Error != "" {
				return fmt.Errorf("RawPut %s: %v, %q", key, err, put.GetError())
			}
			get, err := s.RawGet(ctx, &kvrpcpb.RawGetRequest{Context: rc, Key: key})
			if err != nil || get.Error != "" || string(get.Value) != value {
				return fmt.Errorf("RawGet %s after putting %q: %v, %q, value %q", key, value, err, get.GetError(), get.GetValue())
			}
		}
		if k%2 == 0 {
			remove, err := s.RawDelete(ctx, &kvrpcpb.RawDeleteRequest{Context: rc, Key: key})
			if err != nil || remove.Error != "" {
				return fmt.Errorf("RawDelete %s: %v, %q", key, err, remove.GetError())
			}
		}
		scan, err := s.RawScan(ctx, &kvrpcpb.RawScanRequest{Context: rc, StartKey: key, Limit: 1})
		if err != nil || scan.Error != "" {
			return fmt.Errorf("RawScan from %s: %v, %q", key, err, scan.GetError())
		}
		found := len(scan.Kvs) == 1 && bytes.Equal(scan.Kvs[0].Key, key)
		if found == (k%2 == 0) {
			return fmt.Errorf("RawScan from %s, which is %s: %v", key, [...]string{"deleted", "there"}[k%2], scan.Kvs)
		}
	}
	return nil
}

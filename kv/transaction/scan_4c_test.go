package transaction_test

import (
	"bytes"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

const onScan = "the comment on Scan"

// scan reads from start on at a timestamp, and demands that the size does not end it. It
// lists pairs as key=value, or as key: locked.
func (d *data) scan(start string, limit uint32, version int) []string {
	d.t.Helper()
	resp, err := transaction.Scan(d.reader(), &kvrpcpb.ScanRequest{StartKey: []byte(start), Limit: limit, Version: at(version)})
	require.NoError(d.t, err, "Scan from %q at %d", start, version)
	require.False(d.t, resp.More, "Scan from %q at %d says that its size has cut it short", start, version)
	pairs := []string{}
	for _, p := range resp.Pairs {
		if p.Error != nil {
			require.Empty(d.t, p.Value, "the value of key %q, which has an error", p.Key)
			pairs = append(pairs, fmt.Sprintf("%s: %s", p.Key, keyErrorWords(p.Error)))
			continue
		}
		pairs = append(pairs, fmt.Sprintf("%s=%s", p.Key, p.Value))
	}
	return pairs
}

// Each key is in a state of its own. It is scanned alone, and then all of them are at once.
func TestScanInEveryState4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "Scan shows of each key the newest version that is committed at or below its timestamp; deleted and absent keys are no pairs, and a lock in the way is a pair with an error",
		Source: onScan,
	}, func(t *graded.T) {
		const put, del, lock = kvrpcpb.Op_Put, kvrpcpb.Op_Del, kvrpcpb.Op_Lock
		times := [8]int{1, 29, 30, 39, 40, 49, 50, 1000}
		// what shows one of these for each of times; "" is no pair.
		type what [8]string
		all := empty(t)
		var together [8][]string
		for i, c := range []struct {
			state string
			build func(d *data, k string)
			shows what
		}{
			{"one version", func(d *data, k string) { d.put(k, 30, 40, "x") },
				what{"", "", "", "", "=x", "=x", "=x", "=x"}},
			{"an empty value", func(d *data, k string) { d.put(k, 30, 40, "") },
				what{"", "", "", "", "=", "=", "=", "="}},
			{"two versions", func(d *data, k string) { d.put(k, 10, 30, "x").put(k, 35, 50, "y") },
				what{"", "", "=x", "=x", "=x", "=x", "=y", "=y"}},
			{"the later start commits first", func(d *data, k string) { d.put(k, 25, 30, "x").put(k, 20, 50, "y") },
				what{"", "", "=x", "=x", "=x", "=x", "=y", "=y"}},
			{"deleted", func(d *data, k string) { d.put(k, 10, 30, "x").committed(k, del, 31, 40, "") },
				what{"", "", "=x", "=x", "", "", "", ""}},
			{"deleted and back", func(d *data, k string) {
				d.put(k, 10, 20, "x").committed(k, del, 25, 30, "").put(k, 31, 50, "y")
			}, what{"", "=x", "", "", "", "", "=y", "=y"}},
			{"only a deletion", func(d *data, k string) { d.committed(k, del, 20, 30, "") }, what{}},
			{"only a rollback", func(d *data, k string) { d.rolledBack(k, 30) }, what{}},
			{"only a lock that was committed", func(d *data, k string) { d.committed(k, lock, 20, 30, "") }, what{}},
			{"a version below rollbacks and locks that were committed", func(d *data, k string) {
				d.put(k, 10, 20, "x").rolledBack(k, 29).committed(k, lock, 31, 39, "").rolledBack(k, 40).rolledBack(k, 45).committed(k, lock, 41, 50, "")
			}, what{"", "=x", "=x", "=x", "=x", "=x", "=x", "=x"}},
			{"a deletion below a rollback", func(d *data, k string) {
				d.put(k, 10, 20, "x").committed(k, del, 25, 30, "").rolledBack(k, 40)
			}, what{"", "=x", "", "", "", "", "", ""}},

			// No lock is of the timestamp of a reader, which may wait for it or not.
			{"a lock on no version", func(d *data, k string) { d.locked(k, k, put, 35, 5, "new") },
				what{"", "", "", ": locked", ": locked", ": locked", ": locked", ": locked"}},
			{"a lock on an older version", func(d *data, k string) { d.put(k, 10, 20, "x").locked(k, "p", put, 35, 5, "new") },
				what{"", "=x", "=x", ": locked", ": locked", ": locked", ": locked", ": locked"}},
			{"a lock for a deletion", func(d *data, k string) { d.put(k, 10, 20, "x").locked(k, "p", del, 35, 5, "") },
				what{"", "=x", "=x", ": locked", ": locked", ": locked", ": locked", ": locked"}},
			{"a lock on a deleted key", func(d *data, k string) { d.committed(k, del, 10, 20, "").locked(k, "p", put, 35, 5, "new") },
				what{"", "", "", ": locked", ": locked", ": locked", ": locked", ": locked"}},
			{"a lock whose time is over", func(d *data, k string) { d.put(k, 10, 20, "x").locked(k, "p", put, 35, 0, "new") },
				what{"", "=x", "=x", ": locked", ": locked", ": locked", ": locked", ": locked"}},
			{"a lock below a newer version", func(d *data, k string) { d.put(k, 36, 40, "x").locked(k, "p", put, 35, 5, "new") },
				what{"", "", "", ": locked", ": locked", ": locked", ": locked", ": locked"}},
			{"a value without a record or a lock", func(d *data, k string) {
				d.apply([]engine.Op{{CF: engine.CFDefault, Key: transaction.VersionKey([]byte(k), at(30)), Value: []byte("leftover")}})
			}, what{}},
		} {
			alone, key := empty(t), fmt.Sprintf("key %02d", i)
			c.build(alone, "k")
			c.build(all, key)
			for n, version := range times {
				want := []string{}
				if c.shows[n] != "" {
					want = append(want, "k"+c.shows[n])
					together[n] = append(together[n], key+c.shows[n])
				}
				require.Equal(t, want, alone.scan("", 10, version), "Scan at %d of a key in the state %q", version, c.state)
			}
		}
		for n, version := range times {
			require.Equal(t, append([]string{}, together[n]...), all.scan("", 100, version), "Scan at %d of keys in every state", version)
		}
	})
}

// A pair with an error has what a client needs to ask what became of the transaction.
func TestScanTellsOfLocks4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a locked key is a pair with the lock's key, primary key, start timestamp and time to live, and does not keep a scan from the keys around it",
		Source: onScan,
	}, func(t *graded.T) {
		d := empty(t).put("a", 10, 20, "1").put("b", 10, 20, "2").put("d", 10, 20, "4").
			locked("b", "primary of b", kvrpcpb.Op_Put, 30, 5, "new").
			locked("c", "c", kvrpcpb.Op_Del, 40, 7, "")
		resp, err := transaction.Scan(d.reader(), &kvrpcpb.ScanRequest{Limit: 10, Version: at(50)})
		require.NoError(t, err, "Scan of two keys and two locks")
		var got []string
		for _, p := range resp.Pairs {
			if l := p.Error.GetLocked(); l != nil {
				got = append(got, fmt.Sprintf("%s: locked %s by %s, primary %s, ttl %d", p.Key, l.Key, ms(l.LockVersion), l.PrimaryLock, l.LockTtl))
				require.Empty(t, p.Value, "the value of key %q, which is locked", p.Key)
				continue
			}
			require.Nil(t, p.Error, "error of key %q, which is not locked", p.Key)
			got = append(got, fmt.Sprintf("%s=%s", p.Key, p.Value))
		}
		require.Equal(t, []string{"a=1", "b: locked b by 30, primary primary of b, ttl 5", "c: locked c by 40, primary c, ttl 7", "d=4"}, got, "the pairs of Scan")
	})
}

// Keys that are prefixes of others, with zero bytes and without text, and with lengths
// around the groups in which keys are encoded.
func TestScanOrder4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "Scan returns keys in ascending order of their bytes, each once, from the first one that is not smaller than its start",
		Source: onScan,
	}, func(t *graded.T) {
		keys := []string{"\x00", "\x00\x00", "A", "a", "a\x00", "a\x00\x00\x00\x00\x00\x00\x00", "a\x00\x00\x00\x00\x00\x00\x00\x00", "aa", "abcdefg", "abcdefgh", "abcdefgh\x00", "abcdefghi", "b", "\x7f", "\x80", "\xff", "\xff\xff\xff\xff\xff\xff\xff\xff", "\xff\xff\xff\xff\xff\xff\xff\xff\xff"}
		d := empty(t)
		var want []string
		for i, key := range keys {
			// Every third key has versions, every third has versions and a lock, every
			// third has a lock and no version.
			if i%3 < 2 {
				d.put(key, 10, 20, "old").put(key, 30, 40, "of "+key)
			}
			if i%3 > 0 {
				d.locked(key, key, kvrpcpb.Op_Put, 50, 5, "new")
				want = append(want, key+": locked")
			} else {
				want = append(want, key+"=of "+key)
			}
		}
		require.Equal(t, want, d.scan("", 100, 60), "Scan of all keys")
		for i, key := range keys {
			require.Equal(t, want[i:], d.scan(key, 100, 60), "Scan from key %q", key)
			after := key + "\x00"
			next := i + 1
			for next < len(keys) && keys[next] < after {
				next++
			}
			require.Equal(t, append([]string{}, want[next:]...), d.scan(after, 100, 60), "Scan from just after key %q", key)
		}
		require.Equal(t, want[3:], d.scan("B", 100, 60), "Scan from between two keys")
		require.Empty(t, d.scan("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 100, 60), "Scan from past the last key")
		require.Empty(t, d.scan(strings.Repeat("\xff", transaction.MaxKeySize), 100, 60), "Scan from the last key that there can be")
	})
}

// Of ten keys in a row every other one is seen: it has a version or is locked. The others
// are deleted, were rolled back, or are too new.
func TestScanLimit4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "Scan returns as many pairs as its limit says if there are so many; locked keys count, and keys that are no pairs do not; 0 asks for none",
		Source: onScan,
	}, func(t *graded.T) {
		d := empty(t)
		require.Empty(t, d.scan("", 10, 50), "Scan of an empty store")
		d.committed("k0", kvrpcpb.Op_Del, 10, 20, "").
			put("k1", 10, 20, "1").
			rolledBack("k2", 10).
			locked("k3", "k3", kvrpcpb.Op_Put, 30, 5, "3").
			put("k4", 10, 60, "too new").
			put("k5", 10, 20, "5").
			locked("k6", "k6", kvrpcpb.Op_Put, 60, 5, "too new").
			put("k7", 10, 20, "old").locked("k7", "p", kvrpcpb.Op_Put, 30, 5, "7").
			put("k8", 10, 20, "8").committed("k8", kvrpcpb.Op_Del, 30, 40, "").
			put("k9", 10, 20, "9")
		want := []string{"k1=1", "k3: locked", "k5=5", "k7: locked", "k9=9"}
		for _, limit := range []uint32{0, 1, 2, 3, 4, 5, 6, 1000, math.MaxInt32, math.MaxInt32 + 1, math.MaxUint32} {
			n := min(uint64(limit), 5)
			require.Equal(t, want[:n], d.scan("", limit, 50), "Scan with limit %d", limit)
			n = min(uint64(limit), 3)
			require.Equal(t, want[2:2+n], d.scan("k4", limit, 50), "Scan from k4 with limit %d", limit)
		}
		// Page by page, as a client reads a whole region.
		for limit := uint32(1); limit <= 5; limit++ {
			got, from := []string{}, ""
			for {
				page := d.scan(from, limit, 50)
				got = append(got, page...)
				if len(page) < int(limit) {
					break
				}
				from = page[len(page)-1][:2] + "\x00"
			}
			require.Equal(t, want, got, "Scan in pages of %d", limit)
		}

		// Small pairs, of which a response has room for thousands.
		const many = 10000
		d = empty(t)
		for i := range many {
			d.put(fmt.Sprintf("k%04d", i), 10, 20, "")
		}
		for _, limit := range []uint32{many - 1, many, many + 1} {
			resp, err := transaction.Scan(d.reader(), &kvrpcpb.ScanRequest{Limit: limit, Version: at(50)})
			require.NoError(t, err, "Scan of %d keys", many)
			require.Equal(t, min(many, int(limit)), len(resp.Pairs), "pairs of a Scan of %d keys with limit %d: all that the limit allows are small enough for one response", many, limit)
			require.False(t, resp.More, "more, of a Scan of %d keys with limit %d, which has ended for its limit or for the region", many, limit)
		}
	})
}

// The view is of a region in the middle.
func TestScanOfRegion4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "Scan ends with its region, and asks for no key outside of it",
		Source: "the contract of storage.Storage",
	}, func(t *graded.T) {
		d := empty(t)
		for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
			d.put(key, 10, 20, key)
		}
		d.locked("b", "b", kvrpcpb.Op_Put, 30, 5, "new").locked("f", "f", kvrpcpb.Op_Put, 30, 5, "new")
		for _, c := range []struct {
			from, to, start string
			want            []string
		}{
			{"b", "e", "", []string{"b: locked", "c=c", "d=d"}},
			{"b", "e", "b", []string{"b: locked", "c=c", "d=d"}},
			{"b", "e", "c", []string{"c=c", "d=d"}},
			{"b", "e", "dd", []string{}},
			{"", "c", "", []string{"a=a", "b: locked"}},
			{"e", "", "ee", []string{"f: locked"}},
		} {
			resp, err := transaction.Scan(d.readerOf(c.from, c.to), &kvrpcpb.ScanRequest{StartKey: []byte(c.start), Limit: 10, Version: at(50)})
			require.NoError(t, err, "Scan from %q in the region from %q to %q", c.start, c.from, c.to)
			got := []string{}
			for _, p := range resp.Pairs {
				if p.Error != nil {
					got = append(got, string(p.Key)+": "+keyErrorWords(p.Error))
				} else {
					got = append(got, fmt.Sprintf("%s=%s", p.Key, p.Value))
				}
			}
			require.Equal(t, c.want, got, "Scan from %q in the region from %q to %q", c.start, c.from, c.to)
			require.False(t, resp.More, "more, on a Scan that the end of the region has ended")
		}
	})
}

// Values of many sizes, and locks whose keys and primary keys are large, are more than one
// response can have.
func TestScanSize4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a response to Scan stays within MaxScanSize, has as many pairs as fit, at least one, and says if the size has cut it short",
		Source: "the comments on Scan and MaxScanSize",
	}, func(t *graded.T) {
		d := empty(t)
		type pair struct {
			key          string
			value, bytes int // bytes is what pairSize says of the pair
			primary      string
		}
		var pairs []pair
		add := func(value int) {
			p := pair{key: fmt.Sprintf("key%04d", len(pairs)), value: value}
			p.bytes = len(p.key) + value + 64
			d.put(p.key, 10, 20, strings.Repeat(string(rune('a'+len(pairs)%26)), value))
			pairs = append(pairs, p)
		}
		lock := func(size int) {
			p := pair{key: fmt.Sprintf("key%04d", len(pairs)) + strings.Repeat("k", size), primary: strings.Repeat("p", size)}
			p.bytes = 2*len(p.key) + len(p.primary) + 64
			d.locked(p.key, p.primary, kvrpcpb.Op_Put, 30, 5, "new")
			pairs = append(pairs, p)
		}
		for i := range 8 {
			add((1<<20)/3 + i*50_000)
		}
		add(transaction.MaxScanSize + 500_000)
		for range 90 {
			lock(transaction.MaxKeySize - 10)
		}
		add(transaction.MaxScanSize - len("key0000") - 64) // fits exactly
		add(1)

		next := 0
		for page, from := 1, ""; next < len(pairs); page++ {
			resp, err := transaction.Scan(d.reader(), &kvrpcpb.ScanRequest{StartKey: []byte(from), Limit: 1000, Version: at(50)})
			require.NoError(t, err, "page %d", page)
			require.NotEmpty(t, resp.Pairs, "page %d has no pairs, so no client could go on after it", page)
			size := 0
			for _, got := range resp.Pairs {
				require.Less(t, next, len(pairs), "the number of pairs of all pages up to %d", page)
				want := pairs[next]
				require.True(t, string(got.Key) == want.key, "page %d has key %.7q where %.7q should be", page, got.Key, want.key)
				require.Len(t, got.Value, want.value, "value of %.7q", want.key)
				require.Equal(t, want.primary != "", got.Error.GetLocked() != nil, "%.7q is locked", want.key)
				size += want.bytes
				next++
			}
			if len(resp.Pairs) > 1 {
				require.LessOrEqual(t, size, transaction.MaxScanSize, "size of page %d, as pairSize counts it", page)
				require.LessOrEqual(t, proto.Size(resp), transaction.MaxScanSize, "size of page %d as a message", page)
			}
			require.Equal(t, next < len(pairs), resp.More, "more, on page %d", page)
			if next < len(pairs) {
				require.Greater(t, size+pairs[next].bytes, transaction.MaxScanSize, "size of page %d with the next pair, which would have fit", page)
				from = pairs[next-1].key + "\x00"
			}
		}
		resp, err := transaction.Scan(d.reader(), &kvrpcpb.ScanRequest{Limit: 2, Version: at(50)})
		require.NoError(t, err, "Scan with limit 2")
		require.Len(t, resp.Pairs, 2, "pairs of Scan with limit 2")
		require.False(t, resp.More, "more, on a response that the limit has ended")
	})
}

// A key that is written again and again, deleted keys, and many keys of which few are
// wanted.
func TestScanCost4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a scan reads a few records for each key that it passes, however many versions the key has, and none for keys after its limit",
		Source: "the comment on Scanner",
	}, func(t *graded.T) {
		const many = 1000
		for _, c := range []struct {
			name  string
			build func(d *data)
			limit uint32
			pairs int
			keys  int // how many the scan passes
		}{
			{"a key with 1,000 older versions", func(d *data) {
				for i := range many {
					d.put("k", 2*i+1, 2*i+2, "x")
				}
				d.put("l", 1, 2, "y")
			}, 10, 2, 2},
			{"a key with 1,000 newer versions", func(d *data) {
				d.put("k", 1, 2, "x").put("l", 1, 2, "y")
				for i := range many {
					d.put("k", 100_000+2*i, 100_001+2*i, "z")
				}
			}, 10, 2, 2},
			{"a locked key with 1,000 versions", func(d *data) {
				for i := range many {
					d.put("k", 2*i+1, 2*i+2, "x")
				}
				d.locked("k", "k", kvrpcpb.Op_Put, 5000, 5, "new").put("l", 1, 2, "y")
			}, 10, 2, 2},
			{"a key with 1,000 newer versions and none that is seen", func(d *data) {
				d.put("l", 1, 2, "y")
				for i := range many {
					d.put("k", 100_000+2*i, 100_001+2*i, "z")
				}
			}, 10, 1, 2},
			{"1,000 deleted keys, and one that is not", func(d *data) {
				for i := range many {
					d.committed(fmt.Sprintf("k%03d", i), kvrpcpb.Op_Del, 1, 2, "")
				}
				d.put("l", 1, 2, "y")
			}, 1, 1, many + 1},
			{"3 of 1,000 keys", func(d *data) {
				for i := range many {
					d.put(fmt.Sprintf("k%03d", i), 1, 2, "y")
				}
			}, 3, 3, 3},
			{"3 of 1,000 locked keys", func(d *data) {
				for i := range many {
					d.locked(fmt.Sprintf("k%03d", i), "p", kvrpcpb.Op_Put, 1, 2, "y")
				}
			}, 3, 3, 3},
			{"none of 1,000 keys", func(d *data) {
				for i := range many {
					d.put(fmt.Sprintf("k%03d", i), 1, 2, "y")
				}
			}, 0, 0, 0},
		} {
			d := empty(t)
			c.build(d)
			before := d.engine.Reads()
			require.Len(t, d.scan("", c.limit, 10_000), c.pairs, "pairs of the scan of %s", c.name)
			// For each key: its lock, the newest record, the one that is seen, the value, the
			// record after the key; twice that for a solution that reads them with a Reader.
			require.LessOrEqual(t, d.engine.Reads()-before, 10*c.keys+10, "records read for the scan of %s, which passes %d keys", c.name, c.keys)
		}
	})
}

// What a scan returns belongs to its caller: later steps of the iterators must not change
// it.
func TestScanKeepsItsPairs4C(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "the pairs of a response stay as they are when the scan goes on, and when its reader is closed",
		Source: "the comments on Scanner.Key and Scanner.Value",
	}, func(t *graded.T) {
		d := empty(t)
		for i := range 50 {
			d.put(fmt.Sprintf("k%02d", i), 10, 20, fmt.Sprintf("v%02d", i))
			d.locked(fmt.Sprintf("l%02d", i), fmt.Sprintf("p%02d", i), kvrpcpb.Op_Put, 30, 5, "new")
		}
		view, err := d.engine.Snapshot()
		require.NoError(t, err, "a snapshot of the engine")
		resp, err := transaction.Scan(transaction.NewReader(view), &kvrpcpb.ScanRequest{Limit: 1000, Version: at(50)})
		require.NoError(t, err, "Scan of 100 keys")
		require.NoError(t, view.Close(), "closing the reader's view")
		require.Len(t, resp.Pairs, 100, "pairs of the scan")
		for i := range 50 {
			k, l := resp.Pairs[i], resp.Pairs[50+i]
			require.Equal(t, fmt.Sprintf("k%02d=v%02d", i, i), fmt.Sprintf("%s=%s", k.Key, k.Value), "pair %d, after the scan", i+1)
			require.Equal(t, fmt.Sprintf("l%02d, primary p%02d", i, i), fmt.Sprintf("%s, primary %s", l.Key, l.Error.GetLocked().GetPrimaryLock()), "pair %d, after the scan", 51+i)
			require.True(t, bytes.Equal(l.Key, l.Error.GetLocked().GetKey()), "pair %d has another key than its lock", 51+i)
		}
	})
}

package transaction_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// scan lists what a scanner shows, as key=value or as "key locked by 10", and demands that
// it ends well.
func scan(t *graded.T, r *transaction.Reader, start string, ts uint64) []string {
	t.Helper()
	s, err := transaction.NewScanner(r, []byte(start), ts)
	require.NoError(t, err, "NewScanner from %s at %s", name(start), ms(ts))
	shown := []string{}
	for s.Next() {
		shown = append(shown, shownBy(s))
	}
	require.False(t, s.Next(), "Next after the end")
	require.NoError(t, s.Close(), "Close of a scanner from %s at %s", name(start), ms(ts))
	require.NoError(t, s.Close(), "a second Close")
	return shown
}

func shownBy(s *transaction.Scanner) string {
	if lock := s.Lock(); lock != nil {
		return fmt.Sprintf("%s locked by %s", s.Key(), ms(lock.StartTS))
	}
	return fmt.Sprintf("%s=%s", s.Key(), s.Value())
}

// A scanner at a timestamp shows of each key what Value shows, and leaves out what is not
// there.
func TestScannersSeeTheirSnapshot4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a scanner shows each key that a reader at its timestamp sees, once, with its value",
		Source: "the comment on Scanner (kv/transaction/scanner.go)",
	}, func(t *graded.T) {
		d := empty(t).
			put("a", 10, 20, "a20").put("a", 30, 40, "a40").
			put("deleted", 10, 20, "x").committed("deleted", kvrpcpb.Op_Del, 25, 30, "").
			put("empty", 10, 20, "").
			put("hidden", 10, 20, "h20").rolledBack("hidden", 25).committed("hidden", kvrpcpb.Op_Lock, 26, 27, "").
			put("late", 50, 60, "l60").
			rolledBack("never", 10).committed("never", kvrpcpb.Op_Lock, 12, 13, "").
			put("z", 10, 20, "z20")
		r := d.reader()
		for _, c := range []struct {
			ts   uint64
			want []string
		}{
			{1, []string{}},
			{at(19), []string{}},
			{at(20), []string{"a=a20", "deleted=x", "empty=", "hidden=h20", "z=z20"}},
			{at(29), []string{"a=a20", "deleted=x", "empty=", "hidden=h20", "z=z20"}},
			{at(30), []string{"a=a20", "empty=", "hidden=h20", "z=z20"}},
			{at(59), []string{"a=a40", "empty=", "hidden=h20", "z=z20"}},
			{math.MaxUint64, []string{"a=a40", "empty=", "hidden=h20", "late=l60", "z=z20"}},
		} {
			require.Equal(t, c.want, scan(t, r, "", c.ts), "a scan at %s", ms(c.ts))
		}
		require.Equal(t, []string{}, scan(t, empty(t).reader(), "", at(100)), "a scan of nothing")
	})
}

// A locked key is shown with its lock, whether it has versions, only versions that the
// reader does not see, or none at all.
func TestScannersShowLocks4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a scanner shows each key whose lock is in the way, also if the key has no version yet",
		Source: "the comment on Scanner (kv/transaction/scanner.go)",
	}, func(t *graded.T) {
		d := empty(t).
			locked("a", "p", kvrpcpb.Op_Put, 30, 5, "new").
			put("b", 10, 20, "b20").
			put("c", 10, 20, "c20").locked("c", "p", kvrpcpb.Op_Del, 30, 5, "").
			put("d", 10, 20, "x").committed("d", kvrpcpb.Op_Del, 21, 22, "").locked("d", "p", kvrpcpb.Op_Put, 30, 5, "new").
			put("e", 10, 20, "e20").locked("e", "p", kvrpcpb.Op_Put, 40, 5, "new").
			locked("f", "p", kvrpcpb.Op_Del, 30, 5, "").
			locked("g", "p", kvrpcpb.Op_Put, 40, 5, "new").
			put("h", 10, 20, "h20").
			locked("y", "p", kvrpcpb.Op_Put, 30, 5, "new").
			locked("z", "p", kvrpcpb.Op_Put, 30, 5, "new")
		r := d.reader()
		for _, c := range []struct {
			ts   int
			want []string
		}{
			{29, []string{"b=b20", "c=c20", "e=e20", "h=h20"}},
			{31, []string{"a locked by 30", "b=b20", "c locked by 30", "d locked by 30", "e=e20", "f locked by 30", "h=h20", "y locked by 30", "z locked by 30"}},
			{41, []string{"a locked by 30", "b=b20", "c locked by 30", "d locked by 30", "e locked by 40", "f locked by 30", "g locked by 40", "h=h20", "y locked by 30", "z locked by 30"}},
		} {
			require.Equal(t, c.want, scan(t, r, "", at(c.ts)), "a scan at %d", c.ts)
		}

		s, err := transaction.NewScanner(r, []byte("c"), at(50))
		require.NoError(t, err, "NewScanner from c at 50")
		defer s.Close()
		require.True(t, s.Next(), "Next from c on")
		require.Equal(t, &transaction.Lock{Primary: []byte("p"), StartTS: at(30), TTL: 5, Kind: kvrpcpb.Op_Del}, s.Lock(), "the lock of key c")
		require.Nil(t, s.Value(), "the value of key c, which is locked")
		require.True(t, s.Next() && s.Next() && s.Next() && s.Next() && s.Next(), "five more keys after c")
		require.Nil(t, s.Lock(), "the lock of key h, which is not locked")
	})
}

// A lock that changes nothing leaves the key as it is. Whether readers wait for it is free.
func TestScannersAndLocksOfNothing4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a scanner shows a key with a lock as Blocks says, and leaves out a key that has nothing but a lock that is not in the way",
		Source: "the comment on Lock of Scanner (kv/transaction/scanner.go)",
	}, func(t *graded.T) {
		d := empty(t).
			put("a", 10, 20, "a20").locked("a", "p", kvrpcpb.Op_Lock, 30, 5, "").
			locked("b", "p", kvrpcpb.Op_Lock, 30, 5, "").
			put("c", 10, 20, "c20")
		lock := transaction.Lock{Primary: []byte("p"), StartTS: at(30), TTL: 5, Kind: kvrpcpb.Op_Lock}
		want := []string{"a=a20", "c=c20"}
		if lock.Blocks(at(40)) {
			want = []string{"a locked by 30", "b locked by 30", "c=c20"}
		}
		require.Equal(t, want, scan(t, d.reader(), "", at(40)), "a scan at 40, with locks of 30 of kind Lock")
		require.Equal(t, []string{"a=a20", "c=c20"}, scan(t, d.reader(), "", at(29)), "a scan at 29, with locks of 30 of kind Lock")
	})
}

// A scan begins at a key, between keys, or past the end, and its order is that of the
// users' keys.
func TestScannersStartAnywhere4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a scanner shows the keys from its start on, in the order of their bytes",
		Source: "the comment on NewScanner (kv/transaction/scanner.go)",
	}, func(t *graded.T) {
		d := empty(t)
		keys := neighbours()
		want := []string{}
		for i, key := range keys {
			if i%3 == 1 {
				d.locked(key, "p", kvrpcpb.Op_Put, 15, 5, "x")
				want = append(want, key+" locked by 15")
				continue
			}
			d.put(key, 10, 20, "v").rolledBack(key, 30)
			want = append(want, key+"=v")
		}
		r := d.reader()
		for i, key := range keys {
			require.True(t, equal(want[i:], scan(t, r, key, at(50))), "a scan from %s shows other keys than the %d at or after that", name(key), len(keys)-i)
			require.True(t, equal(want[i+1:], scan(t, r, key+"\x00", at(50))) || i+1 < len(keys) && keys[i+1] == key+"\x00",
				"a scan from just after %s shows other keys than the %d after it", name(key), len(keys)-i-1)
		}
		require.True(t, equal(want, scan(t, r, "", at(50))), "a scan from the beginning does not show all keys in order")
	})
}

func equal(a, b []string) bool { return fmt.Sprint(a) == fmt.Sprint(b) && len(a) == len(b) }

// What a scanner has returned does not change when it goes on, or when it is closed.
func TestScannedPairsCanBeKept4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "keys, values and locks that a scanner returns belong to its caller",
		Source: "the comments on Key and Value of Scanner (kv/transaction/scanner.go)",
	}, func(t *graded.T) {
		d := empty(t)
		for i := range 20 {
			d.put(fmt.Sprintf("key%02d", 2*i), 10, 20, fmt.Sprintf("value%02d", 2*i))
			d.locked(fmt.Sprintf("key%02d", 2*i+1), fmt.Sprintf("primary%02d", 2*i+1), kvrpcpb.Op_Del, 10+i, 5, "")
		}
		s, err := transaction.NewScanner(d.reader(), nil, at(100))
		require.NoError(t, err, "NewScanner")
		type pair struct {
			key, value []byte
			lock       *transaction.Lock
		}
		var pairs []pair
		for s.Next() {
			pairs = append(pairs, pair{s.Key(), s.Value(), s.Lock()})
		}
		require.NoError(t, s.Close(), "Close")
		require.Len(t, pairs, 40, "pairs of a scan")
		for i, p := range pairs {
			require.Equal(t, fmt.Sprintf("key%02d", i), string(p.key), "key number %d, after the scanner was closed", i)
			if i%2 == 0 {
				require.Equal(t, fmt.Sprintf("value%02d", i), string(p.value), "the value of key number %d, after the scanner was closed", i)
				continue
			}
			require.NotNil(t, p.lock, "the lock of key number %d", i)
			require.Equal(t, fmt.Sprintf("primary%02d", i), string(p.lock.Primary), "the primary key of lock number %d, after the scanner was closed", i)
		}
	})
}

// A caller that has enough closes the scanner, wherever it is.
func TestScannersCanBeLeft4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "Close releases a scanner, wherever it is; it reads no further than its caller has asked for",
		Source: "the comment on Close of Scanner (kv/transaction/scanner.go)",
	}, func(t *graded.T) {
		d := empty(t)
		for i := range 200 {
			d.put(fmt.Sprintf("k%03d", i), 10, 20, "x")
			d.locked(fmt.Sprintf("l%03d", i), "p", kvrpcpb.Op_Put, 10, 5, "x")
		}
		r := d.reader()
		open := d.engine.Open()
		for _, steps := range []int{0, 1, 5} {
			before := d.engine.Reads()
			s, err := transaction.NewScanner(r, nil, at(100))
			require.NoError(t, err, "NewScanner")
			for range steps {
				require.True(t, s.Next(), "Next, with 400 keys")
			}
			require.NoError(t, s.Close(), "Close after %d keys", steps)
			require.Equal(t, open, d.engine.Open(), "what is open after a scanner was closed")
			require.LessOrEqual(t, d.engine.Reads()-before, 20+10*steps, "reads of the engine for %d keys of 400", steps)
		}
	})
}

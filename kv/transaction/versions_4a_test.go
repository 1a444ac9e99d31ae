package transaction_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// A reader sees the newest version that was committed at or before its timestamp,
// wherever the transaction had started.
func TestReadersSeeTheirVersion4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a reader at a timestamp sees the newest version that is committed at or below it",
		Source: paper,
	}, func(t *graded.T) {
		d := empty(t).
			put("k", 10, 20, "first").
			put("k", 15, 30, "second").
			committed("k", kvrpcpb.Op_Del, 31, 40, "").
			put("k", 41, 50, "")
		r := d.reader()
		for _, c := range []struct {
			ts    int
			found bool
			value string
		}{
			{9, false, ""}, {10, false, ""}, {19, false, ""},
			{20, true, "first"}, {29, true, "first"},
			{30, true, "second"}, {39, true, "second"},
			{40, false, ""}, {49, false, ""},
			{50, true, ""}, {1000, true, ""},
		} {
			value, found, err := r.Value([]byte("k"), at(c.ts))
			require.NoError(t, err, "Value at %d", c.ts)
			require.Equal(t, c.found, found, "Value at %d finds a value", c.ts)
			require.Equal(t, c.value, string(value), "Value at %d", c.ts)
		}
	})
}

// Timestamps differ in their logical part, too, and the greatest number is a timestamp to
// read at: it sees what is newest.
func TestTimestampsAreCompared4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "timestamps are compared whole, up to the greatest number there is",
		Source: "the comment on Timestamp (kv/transaction/timestamp.go)",
	}, func(t *graded.T) {
		d := empty(t)
		at := func(logical int64) uint64 { return transaction.Timestamp(7, logical) }
		newest := uint64(math.MaxUint64 - 1)
		var w transaction.Writer
		for _, v := range []struct {
			start, commit uint64
		}{{at(0), at(1)}, {at(2), at(5)}, {at(6), newest}} {
			w.PutValue([]byte("k"), v.start, fmt.Append(nil, v.commit))
			w.PutRecord([]byte("k"), &transaction.Record{StartTS: v.start, CommitTS: v.commit, Kind: kvrpcpb.Op_Put})
		}
		d.apply(w.Ops())
		r := d.reader()
		for _, c := range []struct {
			ts, sees uint64 // 0: nothing
		}{{1, 0}, {at(0), 0}, {at(1), at(1)}, {at(4), at(1)}, {at(5), at(5)}, {at(6), at(5)}, {newest - 1, at(5)}, {newest, newest}, {math.MaxUint64, newest}} {
			value, found, err := r.Value([]byte("k"), c.ts)
			require.NoError(t, err, "Value at %d", c.ts)
			want := ""
			if c.sees > 0 {
				want = fmt.Sprint(c.sees)
			}
			require.Equal(t, want, string(value), "the version that Value at %d sees", c.ts)
			require.Equal(t, c.sees > 0, found, "Value at %d finds a value", c.ts)
		}
	})
}

// neighbours are keys that come close to each other in many ways, in ascending order.
func neighbours() []string {
	keys := []string{
		"\x00", "\x00\x00", strings.Repeat("\x00", 8), strings.Repeat("\x00", 9),
		"a", "a\x00", "a\x00\xff", "aa", "a\xff", "abcdefg", "abcdefg\x00", "abcdefgh", "abcdefgh\x00", "abcdefghi", "abcdefgh\xff", "b",
		"\xff", strings.Repeat("\xff", 7), strings.Repeat("\xff", 8), strings.Repeat("\xff", 9),
		strings.Repeat("k", transaction.MaxKeySize),
	}
	slices.Sort(keys)
	return keys
}

// name is key as messages show it.
func name(key string) string {
	if len(key) > 20 {
		return fmt.Sprintf("%q… (%d bytes)", key[:4], len(key))
	}
	return fmt.Sprintf("%q", key)
}

// Every other one of the keys has versions and a lock. No reader takes them for those of a
// key that begins alike, is a prefix of it, or comes next.
func TestKeysAreSeparate4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "what is read of a key is its own, however much other keys look like it",
		Source: contract,
	}, func(t *graded.T) {
		d := empty(t)
		keys := neighbours()
		for i, key := range keys {
			if i%2 == 0 {
				d.put(key, 10, 20, "value of "+key).rolledBack(key, 30).locked(key, "p", kvrpcpb.Op_Put, 40+i, 5, "x")
			}
		}
		r := d.reader()
		for i, key := range keys {
			there := i%2 == 0
			value, found, err := r.Value([]byte(key), at(25))
			require.NoError(t, err, "Value of %s", name(key))
			require.Equal(t, there, found, "Value of %s finds a value", name(key))
			require.True(t, !there || string(value) == "value of "+key, "Value of %s returns another value", name(key))

			lock, err := r.Lock([]byte(key))
			require.NoError(t, err, "Lock of %s", name(key))
			require.Equal(t, there, lock != nil, "Lock of %s finds a lock", name(key))
			require.True(t, !there || lock.StartTS == at(40+i), "Lock of %s returns another key's lock", name(key))

			want := []string{}
			if there {
				want = []string{"30: Rollback by 30", "20: Put by 10"}
			}
			require.Equal(t, want, records(t, r, key, math.MaxUint64), "Records of %s", name(key))

			record, err := r.RecordOf([]byte(key), at(10))
			require.NoError(t, err, "RecordOf 10 at %s", name(key))
			require.Equal(t, there, record != nil, "RecordOf 10 finds a record at %s", name(key))
		}
	})
}

// A rollback has changed nothing, and neither has a lock that was only a lock. What was
// committed before stays visible.
func TestNothingIsHidden4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "records of kind Rollback and Lock change nothing, and hide no version below them",
		Source: "the comment on Visible (kv/transaction/reader.go)",
	}, func(t *graded.T) {
		d := empty(t).
			rolledBack("k", 5).
			put("k", 10, 20, "first").
			rolledBack("k", 25).
			committed("k", kvrpcpb.Op_Lock, 30, 35, "").
			rolledBack("k", 40).
			committed("k", kvrpcpb.Op_Del, 50, 55, "").
			committed("k", kvrpcpb.Op_Lock, 60, 65, "").
			rolledBack("k", 70).
			rolledBack("only rollbacks", 10).rolledBack("only rollbacks", 20).
			committed("only locks", kvrpcpb.Op_Lock, 10, 20, "")
		r := d.reader()
		for _, c := range []struct {
			key   string
			ts    int
			sees  string
			value string
		}{
			{"k", 9, "", ""},
			{"k", 20, "20: Put by 10", "first"}, {"k", 25, "20: Put by 10", "first"}, {"k", 35, "20: Put by 10", "first"}, {"k", 54, "20: Put by 10", "first"},
			{"k", 55, "55: Del by 50", ""}, {"k", 100, "55: Del by 50", ""},
			{"only rollbacks", 100, "", ""},
			{"only locks", 100, "", ""},
			{"absent", 100, "", ""},
		} {
			record, err := r.Visible([]byte(c.key), at(c.ts))
			require.NoError(t, err, "Visible of %q at %d", c.key, c.ts)
			sees := ""
			if record != nil {
				sees = show(record)
			}
			require.Equal(t, c.sees, sees, "the record that a reader at %d sees at key %q", c.ts, c.key)
			value, found, err := r.Value([]byte(c.key), at(c.ts))
			require.NoError(t, err, "Value of %q at %d", c.key, c.ts)
			require.Equal(t, c.value, string(value), "Value of %q at %d", c.key, c.ts)
			require.Equal(t, c.value != "", found, "Value of %q at %d finds a value", c.key, c.ts)
		}

		// Readers that lock what they have read leave a record each, and so does each
		// client that gives up.
		const many = 1000
		d.put("busy", 10, 20, "kept")
		for i := range many / 2 {
			d.rolledBack("busy", 30+10*i).committed("busy", kvrpcpb.Op_Lock, 31+10*i, 35+10*i, "")
		}
		r = d.reader()
		value, found, err := r.Value([]byte("busy"), math.MaxUint64)
		require.NoError(t, err, "Value of a key with %d Rollback and Lock records above its version", many)
		require.True(t, found && string(value) == "kept", "Value does not find the version of a key that has %d Rollback and Lock records above it", many)
		pairs := scan(t, r, "busy", math.MaxUint64)
		require.Equal(t, []string{"busy=kept"}, pairs[:min(1, len(pairs))], "the first pair of a scan from a key on that has a version, and %d Rollback and Lock records above it", many)
	})
}

// show is a record as messages show it, with its commit timestamp first.
func show(r *transaction.Record) string {
	return fmt.Sprintf("%s: %v by %s", ms(r.CommitTS), r.Kind, ms(r.StartTS))
}

// records lists the records of key at or below a timestamp.
func records(t *graded.T, r *transaction.Reader, key string, from uint64) []string {
	t.Helper()
	all := []string{}
	for record, err := range r.Records([]byte(key), from) {
		require.NoError(t, err, "Records of %s", name(key))
		require.NotNil(t, record, "a record of %s, without an error", name(key))
		all = append(all, show(record))
	}
	return all
}

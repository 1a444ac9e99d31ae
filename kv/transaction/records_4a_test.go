package transaction_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

// Records come newest first, and begin at the timestamp that was asked for.
func TestRecordsAreInOrder4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "Records returns all records of a key at or below a timestamp, of every kind, newest first",
		Source: "the comment on Records (kv/transaction/reader.go)",
	}, func(t *graded.T) {
		d := empty(t).
			put("a", 1, 1000, "x").
			put("k", 10, 20, "x").
			committed("k", kvrpcpb.Op_Del, 15, 300, "").
			rolledBack("k", 40).
			committed("k", kvrpcpb.Op_Lock, 70000, 70001, "").
			put("l", 1, 2, "x")
		r := d.reader()
		all := []string{"70001: Lock by 70000", "300: Del by 15", "40: Rollback by 40", "20: Put by 10"}
		for _, c := range []struct {
			from uint64
			want []string
		}{
			{math.MaxUint64, all},
			{at(70001), all}, {at(70001) - 1, all[1:]}, {at(301), all[1:]},
			{at(300), all[1:]}, {at(299), all[2:]}, {at(40), all[2:]}, {at(39), all[3:]},
			{at(20), all[3:]}, {at(19), all[4:]}, {1, all[4:]},
		} {
			require.Equal(t, c.want, records(t, r, "k", c.from), "Records from %s on", ms(c.from))
		}
		require.Empty(t, records(t, r, "b", math.MaxUint64), "Records of a key that has none")
	})
}

// A transaction is looked for by its start timestamp, and its record is somewhere above.
func TestRecordOfTransaction4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "RecordOf finds the one record that a transaction has at a key, whenever it has committed",
		Source: "the comment on RecordOf (kv/transaction/reader.go)",
	}, func(t *graded.T) {
		d := empty(t).
			put("k", 10, 20, "x").
			committed("k", kvrpcpb.Op_Del, 25, 90, ""). // others come and go meanwhile
			rolledBack("k", 30).
			rolledBack("k", 40).
			committed("k", kvrpcpb.Op_Lock, 100, 101, "").
			put("k", 110, 5000, "x").
			put("l", 50, 60, "x")
		r := d.reader()
		for _, c := range []struct {
			start int
			want  string
		}{
			{10, "20: Put by 10"}, {25, "90: Del by 25"}, {30, "30: Rollback by 30"}, {40, "40: Rollback by 40"}, {100, "101: Lock by 100"}, {110, "5000: Put by 110"},
			{5, ""}, {20, ""}, {50, ""}, {90, ""}, {101, ""}, {5000, ""}, {9999, ""},
		} {
			record, err := r.RecordOf([]byte("k"), at(c.start))
			require.NoError(t, err, "RecordOf the transaction of %d", c.start)
			got := ""
			if record != nil {
				got = show(record)
			}
			require.Equal(t, c.want, got, "the record of the transaction of %d", c.start)
		}

		// The answer to a commit is lost, and the client asks again when others have gone
		// on for long.
		for i := range 2000 {
			d.put("k", 10000+10*i, 10005+10*i, "x")
		}
		for start, want := range map[int]string{25: "90: Del by 25", 30: "30: Rollback by 30", 110: "5000: Put by 110"} {
			record, err := d.reader().RecordOf([]byte("k"), at(start))
			require.NoError(t, err, "RecordOf the transaction of %d, after 2000 others", start)
			require.True(t, record != nil && show(record) == want, "RecordOf the transaction of %d does not find its record (%s) after 2000 other transactions have committed the key: a client that asks again would be told that it never was there", start, want)
		}
	})
}

// Records may be left early: whoever has seen enough reads no more, and leaves nothing open.
func TestRecordsCanBeLeft4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "Records reads no more records than its caller asks for, and leaves nothing open when the caller has enough",
		Source: "the comment on Records (kv/transaction/reader.go)",
	}, func(t *graded.T) {
		d := empty(t)
		for i := range 500 {
			d.rolledBack("k", 10+i)
		}
		r := d.reader()
		before, open := d.engine.Reads(), d.engine.Open()
		seen := []string{}
		for record, err := range r.Records([]byte("k"), at(400)) {
			require.NoError(t, err, "Records")
			if seen = append(seen, show(record)); len(seen) == 3 {
				break
			}
		}
		require.Equal(t, []string{"400: Rollback by 400", "399: Rollback by 399", "398: Rollback by 398"}, seen, "the first three of Records from 400 on")
		require.LessOrEqual(t, d.engine.Reads()-before, 20, "what was read of the engine for 3 records of 500")
		require.Equal(t, open, d.engine.Open(), "what is open after Records was left")

		all := r.Records([]byte("k"), math.MaxUint64)
		for range 2 {
			n := 0
			for _, err := range all {
				require.NoError(t, err, "Records")
				n++
			}
			require.Equal(t, 500, n, "records of a sequence that is walked twice")
		}
	})
}

// A key with thousands of versions costs a reader no more than one with a single version.
func TestReadsAreFew4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a read costs a few reads of the engine, however many versions a key has",
		Source: "the comments on Reader and Scanner (kv/transaction)",
	}, func(t *graded.T) {
		d := empty(t)
		const versions, few = 1000, 24
		for i := range versions {
			d.put("k", 10*i+10, 10*i+15, "x")
			d.put("l", 10*i+10, 10*i+15, "x")
		}
		d.locked("l", "l", kvrpcpb.Op_Put, 5000, 5, "x")
		r := d.reader()
		for _, c := range []struct {
			what string
			read func() error
		}{
			{"Value in the middle of 1000 versions", func() error { _, _, err := r.Value([]byte("k"), at(5000)); return err }},
			{"Value of the oldest of 1000 versions", func() error { _, _, err := r.Value([]byte("k"), at(15)); return err }},
			{"Value before 1000 versions", func() error { _, _, err := r.Value([]byte("k"), at(3)); return err }},
			{"Visible in the middle of 1000 versions", func() error { _, err := r.Visible([]byte("k"), at(5000)); return err }},
			{"Lock of a key with 1000 versions", func() error { _, err := r.Lock([]byte("k")); return err }},
			{"RecordOf the newest transaction of 1000", func() error { _, err := r.RecordOf([]byte("k"), at(10*versions)); return err }},
			{"RecordOf a transaction that started after 1000 versions", func() error { _, err := r.RecordOf([]byte("k"), at(10*versions+7)); return err }},
			{"a Scanner over two keys with 1000 versions each", func() error { return scanAll(r, "", at(4000)) }},
			{"a Scanner over two keys with 1000 versions each, one of them locked", func() error { return scanAll(r, "", at(6000)) }},
			{"a Scanner before the 1000 versions of two keys", func() error { return scanAll(r, "", at(1)) }},
		} {
			before := d.engine.Reads()
			require.NoError(t, c.read(), "%s", c.what)
			require.LessOrEqual(t, d.engine.Reads()-before, few, "reads of the engine for %s", c.what)
		}
	})
}

// scanAll walks a scanner to its end.
func scanAll(r *transaction.Reader, start string, ts uint64) error {
	s, err := transaction.NewScanner(r, []byte(start), ts)
	if err != nil {
		return err
	}
	for s.Next() {
	}
	return s.Close()
}

package transaction_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/transaction"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/proto/kvrpcpb"
)

const readErrors = "the comments on Reader and Scanner (kv/transaction)"

// A disk that fails during a read shows as an error: never as a key that is not there, a
// transaction without a record, or the end of the keys.
func TestDiskErrorsComeOut4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "an error of the engine is returned, wherever a read meets it, and nothing stays open",
		Source: readErrors,
	}, func(t *graded.T) {
		d := empty(t).
			put("k", 10, 20, "first").rolledBack("k", 30).rolledBack("k", 40).put("k", 50, 60, "second").
			locked("k", "p", kvrpcpb.Op_Put, 70, 5, "x").
			put("l", 10, 20, "first")
		key := []byte("k")
		reads := []struct {
			what string
			do   func(r *transaction.Reader) (answer any, err error)
		}{
			{"Lock", func(r *transaction.Reader) (any, error) { return r.Lock(key) }},
			{"Records", func(r *transaction.Reader) (any, error) {
				n := 0
				for record, err := range r.Records(key, math.MaxUint64) {
					if err != nil {
						return n, err
					}
					require.NotNil(t, record, "a record, without an error")
					n++
				}
				return n, nil
			}},
			{"Visible", func(r *transaction.Reader) (any, error) { return r.Visible(key, at(45)) }},
			{"Value", func(r *transaction.Reader) (any, error) {
				value, found, err := r.Value(key, at(45))
				require.False(t, found && err != nil, "Value finds a value and returns an error")
				return string(value), err
			}},
			{"RecordOf a transaction", func(r *transaction.Reader) (any, error) { return r.RecordOf(key, at(10)) }},
			{"RecordOf a transaction that has none", func(r *transaction.Reader) (any, error) { return r.RecordOf(key, at(15)) }},
			{"a Scanner", func(r *transaction.Reader) (any, error) {
				s, err := transaction.NewScanner(r, nil, at(65))
				if err != nil {
					return nil, err
				}
				n := 0
				for s.Next() {
					n++
				}
				err = s.Close()
				require.Equal(t, err, s.Close(), "what a second Close returns")
				return n, err
			}},
		}
		for _, read := range reads {
			want, err := read.do(d.reader())
			require.NoError(t, err, "%s on a disk that works", read.what)
			hit := 0
			for _, cf := range engine.Families {
				for _, f := range []struct {
					what  string
					fault fault
				}{
					{"Get in family " + cf, fault{get: cf}},
					{"Iterate over family " + cf, fault{iterate: cf}},
					{"an iterator over family " + cf, fault{walk: cf}},
				} {
					for after := range 8 {
						f.fault.after = after
						r, view := d.faulty(f.fault)
						open := d.engine.Open()
						got, err := read.do(r)
						require.Equal(t, open, d.engine.Open(), "what is open after %s has met an error of %s", read.what, f.what)
						require.NoError(t, view.Close(), "closing the view")
						if !view.failed {
							require.NoError(t, err, "%s, which meets no error", read.what)
							require.Equal(t, want, got, "what %s returns", read.what)
							continue
						}
						hit++
						require.True(t, ofDisk(err), "the error of %s after %s has failed is %v, and should be %v, which may be wrapped", read.what, f.what, err, errDisk)
					}
				}
			}
			require.NotZero(t, hit, "%s meets no error on a disk that fails everywhere", read.what)
		}
	})
}

// What is stored and makes no sense is an error. To take it for nothing would lose a
// transaction in silence.
func TestCorruptDataIsAnError4A(t *testing.T) {
	graded.Test(t, graded.Claim{
		Text:   "a lock or a record that is corrupt, and a record whose value is missing, are errors and not absences",
		Source: readErrors,
	}, func(t *graded.T) {
		key := []byte("k")
		for _, c := range []struct {
			what string
			op   engine.Op
			// which reads meet it
			lock, records, value, scan bool
		}{
			{"an empty lock", engine.Op{CF: engine.CFLock, Key: transaction.EncodeKey(key)}, true, false, false, true},
			{"half a lock", engine.Op{CF: engine.CFLock, Key: transaction.EncodeKey(key), Value: []byte("\x00\x00\x00\x01")}, true, false, false, true},
			{"an empty record", engine.Op{CF: engine.CFWrite, Key: transaction.VersionKey(key, at(30))}, false, true, true, true},
			{"half a record", engine.Op{CF: engine.CFWrite, Key: transaction.VersionKey(key, at(30)), Value: []byte("\x00\x00")}, false, true, true, true},
			{"a record with something after it", engine.Op{CF: engine.CFWrite, Key: transaction.VersionKey(key, at(30)), Value: make([]byte, 10)}, false, true, true, true},
			{"a missing value", engine.Op{CF: engine.CFDefault, Key: transaction.VersionKey(key, at(10)), Delete: true}, false, false, true, true},
		} {
			d := empty(t).put("k", 10, 20, "x").put("l", 10, 20, "x")
			d.apply([]engine.Op{c.op})
			r := d.reader()
			expect := func(bad bool, err error, what string) {
				t.Helper()
				if bad {
					require.Error(t, err, "%s of a key with %s", what, c.what)
				} else {
					require.NoError(t, err, "%s of a key with %s", what, c.what)
				}
			}
			_, err := r.Lock(key)
			expect(c.lock, err, "Lock")
			_, err = r.Visible(key, at(100))
			expect(c.records, err, "Visible")
			_, err = r.RecordOf(key, at(10))
			expect(c.records, err, "RecordOf")
			_, err = r.RecordOf(key, at(5))
			expect(c.records, err, "RecordOf a transaction without a record")
			err = nil
			for _, e := range r.Records(key, at(100)) {
				require.NoError(t, err, "Records go on after an error")
				err = e
			}
			expect(c.records, err, "Records")
			_, found, err := r.Value(key, at(100))
			expect(c.value, err, "Value")
			require.Equal(t, !c.value, found, "Value finds a value of a key with %s", c.what)

			s, err := transaction.NewScanner(r, nil, at(100))
			require.NoError(t, err, "NewScanner")
			for s.Next() {
				require.NotEqual(t, "k", string(s.Key()), "a key that the scanner shows, with %s", c.what)
			}
			expect(c.scan, s.Close(), "a scan")
		}
	})
}

package transaction_test

import (
	"testing"

	"github.com/stretchr/testify/require"

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

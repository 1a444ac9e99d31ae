package scheduler_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/proto/schedulerpb"
	"github.com/labkv/labkv/scheduler"
)

func TestTimestampsFollowTheClock(t *testing.T) {
	m := boot(t, scheduler.Options{})
	for _, c := range []struct {
		clock             int64
		count             uint32
		physical, logical int64
	}{
		{5000, 1, 5000, 0},
		{5000, 3, 5000, 3},
		{5001, 2, 5001, 1},
		{4000, 1, 5001, 2}, // the clock jumps back
		{5001, 1, 5001, 3},
		{9000, 1 << 18, 9000, 1<<18 - 1}, // all of a millisecond
		{9000, 1, 9001, 0},               // ahead of the clock
		{9001, 1, 9001, 1},
		{9001, 1 << 18, 9002, 1<<18 - 1}, // they do not fit beside the two
		{9001, 1 << 18, 9003, 1<<18 - 1},
		{-3, 1, 9004, 0}, // before 1970
		{9005, 1, 9005, 0},
	} {
		m.at(c.clock)
		got := m.timestamp(c.count)
		require.Equal(t, [2]int64{c.physical, c.logical}, [2]int64{got.Physical, got.Logical}, "clock %d, %d timestamps", c.clock, c.count)
	}
}

func TestTimestampsRefused(t *testing.T) {
	m := boot(t, scheduler.Options{})
	before := m.timestamp(1)
	for _, count := range []uint32{0, 1<<18 + 1, 1<<32 - 1} {
		resp, err := m.Timestamps(&schedulerpb.TsoRequest{Header: header, Count: count})
		refused(t, m.header(resp, err), unknown, "want 1 to 262144")
		require.Nil(t, resp.Timestamp)
		require.Zero(t, resp.Count)
	}
	require.Equal(t, before.Logical+1, m.timestamp(1).Logical, "they have cost nothing")
}

// A crash loses what the last incarnation has handed out, but not the bound, even
// if the clock of the next one is years behind.
func TestTimestampsAfterACrash(t *testing.T) {
	m := boot(t, scheduler.Options{})
	m.at(1_000_000)
	last := m.timestamp(5)
	for _, clock := range []int64{1_000_001, 10, 999_999, 1_000_000, 0} {
		m.at(clock)
		m.crash()
		next := m.timestamp(1)
		require.Positive(t, compare(next, last), "clock %d", clock)
		require.LessOrEqual(t, next.Physical, max(last.Physical, clock)+3000, "no further ahead than the window")
		last = next
	}
}

// A window of timestamps costs one write.
func TestTimestampsCostFewWrites(t *testing.T) {
	m := boot(t, scheduler.Options{TimestampWindow: time.Second})
	before := m.disk.Writes()
	for ms := int64(5000); ms < 9000; ms++ {
		m.at(ms)
		m.timestamp(1)
	}
	require.LessOrEqual(t, m.disk.Writes()-before, uint64(5))
	require.GreaterOrEqual(t, m.disk.Writes()-before, uint64(4))
}

// The first timestamp of a clock at zero is not zero: clients take that for none.
func TestTimestampsAreNotZero(t *testing.T) {
	m := boot(t, scheduler.Options{})
	m.at(0)
	require.Positive(t, m.timestamp(1).Physical)
}

// Random clocks, counts and crashes: each timestamp is greater than all before.
func TestTimestampsAscend(t *testing.T) {
	for seed := range dice.Dice(20) {
		d := dice.NewDrawer(seed, 1, 0)
		m := boot(t, scheduler.Options{TimestampWindow: time.Duration(d.Between(1, 3000)) * time.Millisecond})
		var last *schedulerpb.Timestamp
		for range 500 {
			switch d.IntN(10) {
			case 0:
				m.at(int64(d.IntN(10_000)))
			case 1:
				m.crash()
			default:
				m.now = m.now.Add(d.Duration(0, 5*time.Millisecond))
			}
			count := uint32(d.Between(1, dice.Pick(d, 3, 1<<18)))
			ts := m.timestamp(count)
			require.Less(t, ts.Logical, int64(1<<18))
			require.GreaterOrEqual(t, ts.Logical, int64(count)-1)
			if last != nil {
				// All count of them are greater, the first one too.
				first := &schedulerpb.Timestamp{Physical: ts.Physical, Logical: ts.Logical - int64(count) + 1}
				require.Positive(t, compare(first, last))
			}
			last = ts
		}
	}
}

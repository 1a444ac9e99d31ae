package status

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/labkv/labkv/proto/raftserverpb"
)

var bounds = []float64{0.001, 0.002, 0.004}

func requests(refused uint64, counts ...uint64) *raftserverpb.Requests {
	r := &raftserverpb.Requests{Refused: refused, Bounds: bounds, Counts: counts}
	for _, c := range counts {
		r.Done += c
	}
	return r
}

func TestMeter(t *testing.T) {
	var m meter
	at := time.Unix(1000, 0)
	note := func(after time.Duration, started int64, reads, writes *raftserverpb.Requests) {
		at = at.Add(after)
		m.note(at, &raftserverpb.Load{Started: started, Reads: reads, Writes: writes})
	}
	load := func() Load {
		c, over := m.take()
		return c.load(over)
	}
	require.Equal(t, Load{}, load())
	// What came before is not known to have come now.
	note(0, 1, requests(5, 1000, 0, 0, 0), requests(0, 0, 0, 0, 0))
	require.Equal(t, Load{}, load())

	note(time.Second, 1, requests(6, 1000, 50, 50, 0), requests(1, 0, 0, 0, 10))
	note(time.Second, 1, requests(6, 1000, 100, 100, 0), requests(1, 0, 0, 0, 20))
	require.Equal(t, Load{
		Reads: 100, Writes: 10, Refused: 1,
		Read:  &Latency{P50: 2, P99: 3.96}, // half of them take up to 2 ms, the others up to 4
		Write: &Latency{P50: 4, P99: 4},    // none is within the bounds
	}, load())
	require.Equal(t, Load{}, load(), "once")

	// The process was started again: what is between is not known.
	note(time.Second, 2, requests(0, 7, 0, 0, 0), requests(0, 0, 0, 0, 0))
	require.Equal(t, Load{}, load())
	note(500*time.Millisecond, 2, requests(0, 10, 0, 0, 0), requests(0, 0, 0, 0, 0))
	require.Equal(t, Load{Reads: 6, Read: &Latency{P50: 0.5, P99: 0.99}}, load())

	// A store that says nothing of its load, or says it in another form, does no harm.
	m.note(at.Add(time.Second), nil)
	note(2*time.Second, 2, nil, &raftserverpb.Requests{Counts: []uint64{1}})
	require.Equal(t, Load{Writes: 0.5}, load())
}

func TestDurationsOfSeveralStores(t *testing.T) {
	var sum durations
	require.Nil(t, sum.latency())
	sum.merge(durations{bounds, []uint64{10, 0, 0, 0}})
	sum.merge(durations{bounds, []uint64{0, 0, 0, 10}})
	sum.merge(durations{})
	require.Equal(t, uint64(20), sum.total())
	require.Equal(t, &Latency{P50: 1, P99: 4}, sum.latency())
}

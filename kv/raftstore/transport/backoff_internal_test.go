package transport

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestPausesGrowToALimit(t *testing.T) {
	p := pause{Backoff: Backoff{Min: 10 * time.Millisecond, Max: 65 * time.Millisecond}}
	for range 2 {
		for _, want := range []time.Duration{10, 20, 40, 65, 65} {
			require.Equal(t, want*time.Millisecond, p.next(0))
		}
		p.reset()
	}
	require.Equal(t, 5*time.Millisecond, p.next(math.MaxUint64), "jitter leaves out up to half")
	require.InDelta(t, float64(15*time.Millisecond), float64(p.next(math.MaxUint64/2)), float64(time.Microsecond))
}

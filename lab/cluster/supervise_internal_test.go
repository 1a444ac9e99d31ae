package cluster

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A store that ends soon after its start is tried ever less often. One that has lasted
// comes back as soon as the first time.
func TestRestartsBackOff(t *testing.T) {
	r := Restarts{After: 5 * time.Second, AtMost: time.Minute}
	var pauses []time.Duration
	pause := time.Duration(0)
	for _, lasted := range []time.Duration{time.Hour, 0, 0, 1, 5 * time.Second, 0, 5*time.Second + 1, 0} {
		pause = r.next(pause, lasted)
		pauses = append(pauses, pause/time.Second)
	}
	require.Equal(t, []time.Duration{5, 10, 20, 40, 60, 60, 5, 10}, pauses)
}

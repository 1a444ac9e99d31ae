package sim

import "time"

// SetPatience sets how long a run may make no progress, and returns what puts it
// back.
func SetPatience(d time.Duration) (restore func()) {
	old := patience
	patience = d
	return func() { patience = old }
}

package counter

import "testing"

// TestPrivate uses what only the solution has.
func TestPrivate(t *testing.T) {
	c := Counter{n: 3}
	if c.n != 3 {
		t.Fatal(c.n)
	}
}

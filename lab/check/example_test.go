package check_test

import (
	"fmt"
	"time"

	"github.com/labkv/labkv/lab/check"
)

// Client 1 writes twice. Client 2 asks after the second write was acknowledged, and
// gets the first value: no order of the three operations explains that.
func ExampleLinearizable() {
	now := time.Duration(0)
	clock := func() time.Duration { now += time.Millisecond; return now }
	var h check.History
	writer, reader := h.Recorder(1, clock), h.Recorder(2, clock)
	writer.Begin(check.Operation{Op: check.Put, Key: "k", Value: "old"}).Done()
	writer.Begin(check.Operation{Op: check.Put, Key: "k", Value: "new"}).Done()
	reader.Begin(check.Operation{Op: check.Get, Key: "k"}).Read("old", true)
	fmt.Println(check.Linearizable(&h, time.Second))
	// Output:
	// key "k" was read as "old" at 0.006s by client 2, after client 1's put of "new" was acknowledged at 0.004s
}

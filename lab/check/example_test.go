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

// Two clients read a counter in the same snapshot, and both write what they have read
// plus one. If both are told that they have committed, one of them has lost its update.
func ExampleSnapshotIsolation() {
	now := time.Duration(0)
	clock := func() time.Duration { now += time.Millisecond; return now }
	var h check.History
	increment := func(client int, start uint64, value string) *check.Running {
		t := h.Recorder(client, clock).BeginTransaction()
		t.Start(start, false)
		t.Done(t.Begin(check.Operation{Op: check.Get, Key: "n"}))
		t.Done(t.Begin(check.Operation{Op: check.Put, Key: "n", Value: value}))
		return t
	}
	one, two := increment(1, 10, "1 of client 1"), increment(2, 20, "1 of client 2")
	one.Committed(30)
	two.Committed(40)
	fmt.Println(check.SnapshotIsolation(&h))
	// Output:
	// client 1's transaction (start 10, commit 30) and client 2's transaction (start 20, commit 40) both wrote to key "n" and committed, although each began before the other had committed
}

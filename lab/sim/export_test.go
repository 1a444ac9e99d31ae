package sim

import (
	"time"

	"github.com/labkv/labkv/lab/check"
	"github.com/labkv/labkv/lab/trace"
)

// SetPatience sets how long a run may make no progress, and returns what puts it
// back.
func SetPatience(d time.Duration) (restore func()) {
	old := patience
	patience = d
	return func() { patience = old }
}

// FateOf is what is told of a failure about a command, or about operations.
func FateOf(about check.Command, operations []*check.Operation, events []trace.Event) string {
	return fate(&Failure{about: about, operations: operations}, events)
}

// FateOfTransactions is what is told of a failure about transactions and a key.
func FateOfTransactions(about []*check.Transaction, key string, events []trace.Event) string {
	return fate(&Failure{transactions: about, key: key}, events)
}

// LastMessages is what is told of stores that make no progress.
func LastMessages(events []trace.Event) []string { return lastMessages(events, 2) }

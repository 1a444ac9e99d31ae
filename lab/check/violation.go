package check

import "time"

// A Violation is a guarantee that was broken. It is an error.
type Violation struct {
	// Rule names the guarantee, the same for all its violations.
	Rule string
	// Found is one sentence.
	Found string
	// Store is the store that it is about, 0 if it is about the one at which it showed.
	Store uint64
	// At is when it showed, if it was not just now.
	At time.Duration
	// Fate tells what happened to the request or entry in question.
	Fate string
	// About is the command that it is about, if it is about one.
	About Command
	// Operations are those that do not fit together, the one that showed it first.
	Operations []*Operation
	// Transactions are those that do not fit together, the one that showed it first, and
	// Key is the key in question.
	Transactions []*Transaction
	Key          string
	// Undecided is set if the check could not come to an end. That says nothing
	// about the system; it is a failure of the test.
	Undecided bool
}

// A Command is a write that a store was given: the Nth call of a client to that store
// asked for it. Two deletes of a key are two commands.
type Command struct{ Client, Store, N uint64 }

func (v *Violation) Error() string { return v.Found }

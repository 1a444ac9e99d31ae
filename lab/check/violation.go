package check

import "time"

// A Violation is a guarantee that was broken. It is an error.
type Violation struct {
	// Rule names the guarantee, the same for all its violations.
	Rule string
	// Found is one sentence.
	Found string
	// At is when it showed, if it was not just now.
	At time.Duration
	// Fate tells what happened to the request or entry in question.
	Fate string
	// About is the write that it is about, if it is about one, as the log of the
	// run names it.
	About string
	// Operations are those that do not fit together, the one that showed it first.
	Operations []*Operation
	// Undecided is set if the check could not come to an end. That says nothing
	// about the system; it is a failure of the test.
	Undecided bool
}

func (v *Violation) Error() string { return v.Found }

package client

// A Fate is how far a call got that ended with an error. The status alone does
// not say: a call that never left, one that the store refused, and one whose
// connection broke while the store was at work can all end as Unavailable.
type Fate int

const (
	// Lost: the store may have the request, or may get it yet. Where the status
	// comes from is not known.
	Lost Fate = iota
	// Unsent: the request has not left and never will.
	Unsent
	// Answered: the store has ended the call, and the status is what it says.
	Answered
)

// A CallError is the error of a call whose fate is known. A Conn returns it.
type CallError struct {
	Fate Fate
	Err  error // the status of the call
}

func (e *CallError) Error() string { return e.Err.Error() }
func (e *CallError) Unwrap() error { return e.Err }

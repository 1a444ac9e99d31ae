package storage

import "github.com/pingcap/errors"

var (
	// ErrNoContext is returned by a replicated storage for a request without
	// a Context, which does not say what region it is for.
	ErrNoContext = errors.NewNoStackError("request has no context: it does not say what region it is for")
	// ErrNotRunning is returned by a storage that was not started, or that
	// was stopped. The request had no effect.
	ErrNotRunning = errors.NewNoStackError("storage is not running")
	// ErrRunning is returned by starting a storage that runs already.
	ErrRunning = errors.NewNoStackError("storage is already running")
	// ErrOutcomeUnknown is returned by a write that may have taken effect, or
	// may yet: the store stopped while it had it, or has jumped over its place
	// in the log with a snapshot of another leader.
	ErrOutcomeUnknown = errors.NewNoStackError("the outcome of the write is unknown: read before writing again")
)

package storage

import (
	"github.com/pingcap/errors"

	"github.com/labkv/labkv/proto/errorpb"
)

var (
	// ErrNoContext is returned for a request without a Context: nobody can
	// tell what it is about.
	ErrNoContext = errors.NewNoStackError("request has no context")
	// ErrNotRunning is returned by a storage that was not started, or that
	// was stopped.
	ErrNotRunning = errors.NewNoStackError("storage is not running")
	// ErrRunning is returned by starting a storage that runs already.
	ErrRunning = errors.NewNoStackError("storage is already running")
	// ErrOutcomeUnknown is returned by a write that may have taken effect, or
	// may yet: the store that had it has lost track of it.
	ErrOutcomeUnknown = errors.NewNoStackError("nobody can tell whether the write took effect: read before writing again")
)

// A RegionError is returned when a request was sent to the wrong place: to
// another store, to a peer that does not lead, or with an outdated idea of a
// region. Handlers pass it on to the client, which asks elsewhere.
type RegionError struct {
	Err *errorpb.Error // never nil
}

func (e *RegionError) Error() string { return "region error: " + e.Err.GetMessage() }

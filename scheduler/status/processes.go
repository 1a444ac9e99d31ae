package status

import "context"

// A Process is one process of a cluster that whoever serves the page has started.
type Process struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
	// State is ProcessRunning, ProcessPaused or ProcessEnded.
	State string `json:"state"`
	// Since is when that began.
	Since int64 `json:"since"`
	// Reason says how it ended.
	Reason string `json:"reason,omitempty"`
	// Restart is when it is started again; 0 if that takes a request.
	Restart int64 `json:"restart,omitempty"`

	// Addr is where it listens.
	Addr string `json:"-"`
}

// States of processes.
const (
	ProcessRunning = "running"
	ProcessPaused  = "paused"
	ProcessEnded   = "ended"
)

// What may be done to a process.
const (
	Kill    = "kill"    // end it at once; it stays down until it is restarted
	Pause   = "pause"   // stop it where it is
	Resume  = "resume"  // make it go on after Pause
	Restart = "restart" // start it again; one that runs is stopped in order before
)

// Processes are the processes of a cluster that runs on this machine.
type Processes interface {
	// List returns them, in an order that stays.
	List() []Process
	// Do does one of the actions above to the process with a name. It returns an
	// UnknownError or a ConflictError if it does not.
	Do(ctx context.Context, name, action string) error
}

// An UnknownError is that there is no such process or no such action.
type UnknownError struct{ Message string }

func (e *UnknownError) Error() string { return e.Message }

// A ConflictError is that a process is in a state in which the action makes no sense.
type ConflictError struct{ Message string }

func (e *ConflictError) Error() string { return e.Message }

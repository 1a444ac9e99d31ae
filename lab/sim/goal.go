package sim

// A Goal is a situation that a scenario is about: a scenario none of whose seeds
// gets there fails, as it shows nothing. Only what every right solution comes to
// can be a goal. Systems have goals of their own beside these; the text completes
// "in some run, …".
type Goal string

// What every world can tell that it happened.
const (
	MessageLost     Goal = "a message was lost"
	MessageRepeated Goal = "a message arrived twice"
	TransferCut     Goal = "a transfer was cut"
	Crashed         Goal = "a store crashed"
	CrashedWriting  Goal = "a store crashed in the middle of writing"
	CrashLostWrites Goal = "a crash lost writes"
	LeaderCrashed   Goal = "a leader crashed"
	LeaderPaused    Goal = "a leader was paused"
	LeaderDeposed   Goal = "a leader was deposed"
	Restarted       Goal = "a store restarted"
	Exited          Goal = "a store gave up"
	DiskFailed      Goal = "a disk failed"
	BitFlipped      Goal = "a bit of a file changed"
	Erased          Goal = "a store lost its disks for good"
	RequestLost     Goal = "a request of a client was lost"
	ReplyLost       Goal = "a reply to a client was lost"
	ClientCrashed   Goal = "a client crashed"
	ClientPaused    Goal = "a client stood still"
	UnknownOutcome  Goal = "a client did not learn what became of a write"
)

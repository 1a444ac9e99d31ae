package trace

import "time"

// Version is that of the schema. It grows when a field changes its meaning or
// goes away; fields and kinds that are new do not count.
const Version = 1

// A Header is the first line of a log.
type Header struct {
	Version int    `json:"version"`
	Test    string `json:"test,omitempty"`
	Seed    uint64 `json:"seed,omitempty"`
	Stores  int    `json:"stores"`
	Clients int    `json:"clients"`
	// Digest is that of the run: 16 hexadecimal digits.
	Digest string `json:"digest,omitempty"`
	// Schedule is the setting of the run and its faults, one a line.
	Schedule []string `json:"schedule,omitempty"`
	// Found and Rule say why the run failed, if it did.
	Found string `json:"found,omitempty"`
	Rule  string `json:"rule,omitempty"`
}

// A Kind says what an Event is, and by that which of its fields count.
type Kind string

// The kinds of events. All have At.
const (
	// Message: packet N of Stream from From to To has met its Fate: "sent" when
	// it leaves and will arrive, "lost" when it leaves and will not, "arrives",
	// "nobody there", "cut". Bytes is its size, Text what it says.
	Message Kind = "message"
	// Role: the replica of Region on Store has Role in Term.
	Role Kind = "role"
	// Submit: Store was given the write that call N of Client asks Region for.
	Submit Kind = "submit"
	// Propose, Commit, Apply: the entry (Term, Index) of Region was proposed,
	// is known to be committed, is applied on Store. Client and N say which
	// write is proposed, as in Submit.
	Propose Kind = "propose"
	Commit  Kind = "commit"
	Apply   Kind = "apply"
	// Install: the data of Region on Store are those of a snapshot up to Index
	// now. Text says which entries Store has not seen.
	Install Kind = "install"
	// Serve: Store, in Role in Term, serves a read of Region from what it has
	// applied up to Index.
	Serve Kind = "serve"
	// Start and Crash: incarnation N of Store.
	Start Kind = "start"
	Crash Kind = "crash"
	// Disk: something goes wrong with a disk of Store.
	Disk Kind = "disk"
	// FaultBegins and FaultEnds: Text is the fault, Store whom it hit, 0 if all.
	FaultBegins Kind = "fault begins"
	FaultEnds   Kind = "fault ends"
	// Heal: all faults are over.
	Heal Kind = "heal"
	// Call: call N of Client, or of machine From, to Store has met its Fate: "sent", "lost",
	// "arrives", "refused", "answered", "answer lost", "returns", "abandoned".
	Call Kind = "call"
	// Operation: operation N of Client, as the history has it: Fate is "begins",
	// "done", "unknown" or "refused".
	Operation Kind = "operation"
	// Transaction: Store has carried out call N of Client, which is about the transaction
	// that began at the timestamp Start. Fate is what came of it, Text tells more. An
	// Operation may have a Start, too.
	Transaction Kind = "transaction"
)

// An Event is one line of a log, after the Header. Fields that do not count for
// its Kind are absent.
type Event struct {
	// At is the virtual time since the beginning of the run, in nanoseconds.
	At   time.Duration `json:"at"`
	Kind Kind          `json:"kind"`

	Store  uint64 `json:"store,omitempty"`
	Client uint64 `json:"client,omitempty"`

	From   uint64 `json:"from,omitempty"`
	To     uint64 `json:"to,omitempty"`
	Stream uint64 `json:"stream,omitempty"`
	N      uint64 `json:"n,omitempty"`
	Bytes  int    `json:"bytes,omitempty"`
	Fate   string `json:"fate,omitempty"`

	Region uint64 `json:"region,omitempty"`
	Term   uint64 `json:"term,omitempty"`
	Index  uint64 `json:"index,omitempty"`
	Role   string `json:"role,omitempty"`
	Start  uint64 `json:"start,omitempty"`

	Text string `json:"text,omitempty"`
}

package trace

import "time"

// Version is the version of the schema. It grows when a field changes its meaning
// or goes away; new fields and kinds do not count.
const Version = 2

// A Header is the first line of a log.
type Header struct {
	Version int    `json:"version"`
	Test    string `json:"test,omitempty"`
	Seed    uint64 `json:"seed,omitempty"`
	// Machines are what the run consists of, clients left out, by id ascending.
	Machines []Machine `json:"machines"`
	// Clients is the number of clients, whose ids are 1 to Clients.
	Clients int `json:"clients,omitempty"`
	// Digest is the digest of the run: 16 hexadecimal digits.
	Digest string `json:"digest,omitempty"`
	// Schedule is the setting of the run and its faults, one a line.
	Schedule []string `json:"schedule,omitempty"`
	// Found and Rule say why the run failed, if it did. Source is where the rule
	// comes from, such as "§5.4.2", and Fate is what became of what the failure is
	// about, a line each.
	Found  string   `json:"found,omitempty"`
	Rule   string   `json:"rule,omitempty"`
	Source string   `json:"source,omitempty"`
	Fate   []string `json:"fate,omitempty"`
}

// A Machine is what a log calls by a number: Role is "store", "scheduler" or, in a
// test of nothing but Raft, "node".
type Machine struct {
	ID   uint64 `json:"id"`
	Role string `json:"role"`
}

// A Kind says what an Event is, and by that which of its fields count.
type Kind string

// The kinds of events. All have At.
const (
	// Message: packet N of Stream from From to To has met its Fate: "sent" when
	// it leaves and will arrive, "lost" when it leaves and will not, "arrives",
	// "nobody there", "cut". A packet that the network has doubled has Copy the second
	// time; From, To, Stream, N and Copy tell which packet it is. Type is its type, such
	// as "MsgAppend", Bytes its size; Region, Term and Index are what it is about, if it
	// is of Raft. Text is all that it says.
	Message Kind = "message"
	// State: this is true of the replica of Region on Store from now on: its Peer id,
	// Role, Term, Vote, Lead, Commit, Applied, First and Last. All of them count in each
	// such event: one that is absent is 0. Fate is "removed" if the replica is gone.
	State Kind = "state"
	// LogChange: the log of the replica of Region on Store has changed: its Fate is "appends"
	// (entries First to Last), "cuts" (entries First to Last are gone, since another
	// leader's take their place) or "compacts" (entries up to Last are gone, since
	// nothing needs them). Text is the entries.
	LogChange Kind = "log"
	// Sync: all that Store has written to the disk Text so far is durable. What that is
	// about is in Region, Term, Vote, Commit and Last, if it is of Raft: the hard state
	// and the end of the log that are durable now.
	Sync Kind = "sync"
	// Submit: Store was given the write that call N of Client asks Region for.
	Submit Kind = "submit"
	// Propose, Apply: the entry (Term, Index) of Region was proposed, is applied on
	// Store. Client and N say which write is proposed, as in Submit.
	Propose Kind = "propose"
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
	// FaultBegins and FaultEnds: fault N of the schedule, which Text is. Type is its kind,
	// such as "partition". Stores are the machines that it hits, none if that is all of
	// them; of a partition, they are on one side, and all others on the other.
	FaultBegins Kind = "fault begins"
	FaultEnds   Kind = "fault ends"
	// Heal: all faults are over.
	Heal Kind = "heal"
	// Call: call N of Client, or of machine From, to Store has met its Fate: "sent", "lost",
	// "arrives", "refused", "answered", "answer lost", "returns", "abandoned". Type is the
	// method, such as "RawPut", Text the request, and from "answered" on the answer.
	Call Kind = "call"
	// Operation: operation N of Client, as the history has it: Fate is "begins", then, of
	// a transaction, "commits" when it tries to, and at last "done", "unknown" or
	// "refused". Key is the key that it is about, if it is one.
	Operation Kind = "operation"
	// Transaction: Store has carried out call N of Client, which is about the transaction
	// that began at the timestamp Start. Fate is what came of it, Text tells more. An
	// Operation may have a Start, too.
	Transaction Kind = "transaction"
	// Note: Text is what the code on Store had to say here.
	Note Kind = "note"
	// Violation: the rule of the Header is broken, as Text says. Store is the store that
	// it shows on, 0 if that is none. It is the last event, unless what clients saw is
	// wrong, which shows only when the run is over: then it stands at the moment at which
	// they saw it.
	Violation Kind = "violation"
)

// An Event is one line of a log, after the Header. Fields that do not count for
// its Kind are absent.
type Event struct {
	// At is the virtual time since the beginning of the run, in nanoseconds.
	At   time.Duration `json:"at"`
	Kind Kind          `json:"kind"`

	Store  uint64   `json:"store,omitempty"`
	Stores []uint64 `json:"stores,omitempty"`
	Client uint64   `json:"client,omitempty"`

	From   uint64 `json:"from,omitempty"`
	To     uint64 `json:"to,omitempty"`
	Stream uint64 `json:"stream,omitempty"`
	N      uint64 `json:"n,omitempty"`
	Bytes  int    `json:"bytes,omitempty"`
	Type   string `json:"type,omitempty"`
	Fate   string `json:"fate,omitempty"`
	Copy   bool   `json:"copy,omitempty"`

	Region  uint64 `json:"region,omitempty"`
	Peer    uint64 `json:"peer,omitempty"`
	Role    string `json:"role,omitempty"`
	Term    uint64 `json:"term,omitempty"`
	Vote    uint64 `json:"vote,omitempty"`
	Lead    uint64 `json:"lead,omitempty"`
	Index   uint64 `json:"index,omitempty"`
	Commit  uint64 `json:"commit,omitempty"`
	Applied uint64 `json:"applied,omitempty"`
	First   uint64 `json:"first,omitempty"`
	Last    uint64 `json:"last,omitempty"`
	Key     string `json:"key,omitempty"`
	Start   uint64 `json:"start,omitempty"`

	Text string `json:"text,omitempty"`
}

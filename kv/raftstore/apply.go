package raftstore

import (
	"github.com/pingcap/errors"
	"google.golang.org/protobuf/proto"

	"github.com/labkv/labkv/kv/engine"
	"github.com/labkv/labkv/kv/region"
	"github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/proto/raftserverpb"
)

// An applier carries one peer through the committed entries of one Ready. It
// gathers what they change and what follows from it, and changes nothing else:
// if the disk turns out to be full, it is thrown away, and a later pass makes
// another one.
//
// It holds the region as of the next entry. An entry must be checked against
// the region at its own place in the log, not against the region before the
// Ready: where Readys begin and end differs from replica to replica.
type applier struct {
	peer *peer

	// state is the applied state after the last entry that was added.
	state *raftserverpb.RegionState

	// batch has the operations of entries since the last cut.
	batch engine.Batch

	// parts are to be written in order. Each ends with the applied state
	// that its entries lead to, so that a crash between two parts leaves a
	// state that the log continues.
	parts []engine.Batch

	// grown is the size of the operations that were added, in bytes.
	grown int

	// next is what the entry that is being evaluated makes of the region itself (stage 3B).
	next change

	// decided holds the outcome of each entry that was added. Its proposer
	// gets the answer once all parts are written.
	decided []decision
}

// A decision is the outcome of an entry: err is nil if it took effect.
type decision struct {
	index, term uint64
	err         error
	effect      func() // see change
}

// apply carries an applier through the task's committed entries.
//
//lab:implement 2B
func (p *peer) apply() *applier {
	a := &applier{peer: p, state: p.storage.applied}
	entries := p.task.rd.CommittedEntries
	if len(entries) == 0 {
		return a
	}
	a.state = proto.CloneOf(a.state)
	for _, e := range entries {
		ops, err := a.evaluate(e)
		a.add(e, ops, err)
	}
	a.cut()
	return a
}

// evaluate returns what e changes, or the error that its proposer gets: then e
// changes nothing. All replicas decide alike, because they have the same region
// at e's place in the log.
//
//lab:implement 2B
func (a *applier) evaluate(e *eraftpb.Entry) ([]engine.Op, error) {
	if e.EntryType == eraftpb.EntryType_EntryConfChange {
		return nil, a.changeMembers(e)
	}
	if len(e.Data) == 0 {
		return nil, nil // a new leader's first entry
	}
	c := &raftserverpb.Command{}
	a.decode(e, e.Data, c)
	if c.Split != nil {
		return nil, a.split(c)
	}
	ops := opsOf(c)
	for _, op := range ops {
		if err := region.Check(a.state.Region, c.Epoch, op.Key); err != nil {
			return nil, err
		}
	}
	return ops, nil
}

// decode decodes data of e. Every replica reads the same bytes: if they are no message,
// either they were wrong when they were proposed, or the disk has changed them.
func (a *applier) decode(e *eraftpb.Entry, data []byte, m proto.Message) {
	if err := proto.Unmarshal(data, m); err != nil {
		panic(errors.Annotatef(err, "region %d: entry %d is corrupt", a.state.Region.Id, e.Index))
	}
}

// add adds e: ops are what it changes, and err is what its proposer gets. The
// operations go into the same part as the applied index: after a crash either
// both are there or neither. An entry without effect advances the applied
// index, too.
//
//lab:implement 2B
func (a *applier) add(e *eraftpb.Entry, ops []engine.Op, err error) {
	records := 1 + len(a.next.others)
	if !a.batch.Fits(len(ops)+records, engine.SizeOf(ops)+records*maxStateSize) {
		a.cut()
	}
	a.batch.Append(ops...)
	a.grown += engine.SizeOf(ops)
	if a.next.region != nil {
		a.state.Region = a.next.region
	}
	for _, state := range a.next.others {
		put(&a.batch, cfMeta, stateKey(state.Region.Id), state)
	}
	a.state.AppliedIndex, a.state.AppliedTerm = e.Index, e.Term
	a.decided = append(a.decided, decision{index: e.Index, term: e.Term, err: err, effect: a.next.effect})
	a.next = change{}
}

// maxStateSize bounds the record of an applied state, in bytes: it has the two
// ends of the region, and little else.
const maxStateSize = 2*engine.MaxKeySize + 4<<10

// cut ends a part with the applied state. The next entry begins another part: a
// Ready may hold more than fits into a batch of the engine.
//
//lab:implement 2B
func (a *applier) cut() {
	put(&a.batch, cfMeta, stateKey(a.state.Region.Id), a.state)
	a.parts = append(a.parts, a.batch)
	a.batch = engine.Batch{}
}

// takeOver makes the state that a has written the state of the peer, and
// answers the requests that waited for it.
//
//lab:implement 2B
func (p *peer) takeOver(a *applier) {
	p.storage.applied = a.state
	p.size.add(a.grown)
	for _, d := range a.decided {
		if d.effect != nil {
			d.effect()
		}
		p.proposals.decide(d.index, d.term, d.err)
	}
	p.serveReads(p.task.rd.ReadStates)
}

package rafttest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"google.golang.org/protobuf/proto"

	pb "github.com/labkv/labkv/proto/eraftpb"
	"github.com/labkv/labkv/raft"
)

// TestScenarios plays the scripts in testdata on the reference, and compares what
// happens with what they say. After a change that is meant,
//
//	go test ./lab/rafttest -run Scenarios -rewrite
//
// writes down what happens now.
//
// A script creates a cluster and gives commands. Nothing happens in a cluster but
// what a command asks for: clocks stand still, and messages wait until they are
// delivered. Commands that take nodes take their ids; without any they mean all
// nodes.
//
//	new-cluster N [max-size=BYTES] [term=T]   nodes 1 to N with empty logs; or, with an
//	                                 input line "ID: TERMS" per node, with those logs
//	start ID                         a node with an empty disk and no members
//	campaign ID                      start an election
//	tick ID [n=N]                    let the clock of a node tick
//	propose ID DATA...               propose to a node
//	add-node ID id=N, remove-node ID id=N
//	transfer ID to=N                 ask a node for a leadership transfer
//	compact ID [index=N]             snapshot and compact, by default what is applied
//	crash ID, restart ID             lose what is not synced, and come back
//	stall ID, resume ID              handle no Readys; handle them again
//	isolate ID..., rejoin ID...      lose all messages of these nodes, or no longer
//	deliver [from=N] [to=N] [type=T] [n=N]  deliver messages that wait, oldest first
//	drop [from=N] [to=N] [type=T]    lose messages that wait
//	stabilize [quiet]                deliver until no message waits
//	messages                         list the messages that wait
//	status [ID...], log [ID...]      describe nodes
//
// Positions in a log read index/term, as in 5/2.
func TestScenarios(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		s := &scene{}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s.out.Reset()
			if err := s.run(d); err != nil {
				d.Fatalf(t, "%v", err)
			}
			if s.out.Len() == 0 {
				return "ok"
			}
			return s.out.String()
		})
	})
}

// A scene is the cluster of a script.
type scene struct {
	nodes    []*actor // in the order of their ids
	net      []*pb.Message
	isolated []uint64
	maxSize  uint64
	out      strings.Builder
}

// An actor is a node of a script, with its disk.
type actor struct {
	id      uint64
	disk    *Disk
	node    *raft.RawNode // nil while it is down
	stalled bool
	applied uint64
	data    []string
	last    raft.Status
}

func (s *scene) printf(format string, args ...any) { fmt.Fprintf(&s.out, format+"\n", args...) }

func (s *scene) run(d *datadriven.TestData) error {
	ids, err := idsOf(d)
	if err != nil {
		return err
	}
	if d.Cmd == "new-cluster" {
		return s.create(d, ids)
	}
	var chosen []*actor
	for _, id := range ids {
		a := s.actor(id)
		if a == nil && d.Cmd != "start" {
			return fmt.Errorf("there is no node %d", id)
		}
		chosen = append(chosen, a)
	}
	if len(chosen) == 0 {
		chosen = s.nodes
	}
	// Commands for one node that is up, or may be down.
	up := func(f func(a *actor) error) error {
		if len(ids) != 1 || chosen[0].node == nil {
			return fmt.Errorf("%s needs one node that is up", d.Cmd)
		}
		if err := f(chosen[0]); err != nil {
			s.printf("error: %v", err)
		}
		return s.work(chosen[0])
	}

	switch d.Cmd {
	case "start":
		return s.add(&actor{id: ids[0], disk: NewDisk(nil)})
	case "campaign":
		return up(func(a *actor) error { return a.node.Campaign() })
	case "tick":
		return up(func(a *actor) error {
			for range number(d, "n", 1) {
				a.node.Tick()
			}
			return nil
		})
	case "propose":
		return up(func(a *actor) error {
			for _, arg := range d.CmdArgs[1:] {
				if _, _, err := a.node.Propose([]byte(arg.Key)); err != nil {
					return err
				}
			}
			return nil
		})
	case "add-node", "remove-node":
		return up(func(a *actor) error {
			cc := &pb.ConfChange{NodeId: number(d, "id", 0)}
			if d.Cmd == "remove-node" {
				cc.ChangeType = pb.ConfChangeType_RemoveNode
			}
			_, _, err := a.node.ProposeConfChange(cc)
			return err
		})
	case "transfer":
		return up(func(a *actor) error {
			a.node.TransferLeader(number(d, "to", 0))
			return nil
		})
	case "compact":
		return up(func(a *actor) error {
			defer a.disk.Sync()
			return a.disk.Compact(number(d, "index", a.applied), a.disk.now.conf, []byte(strings.Join(a.data, " ")))
		})
	case "crash":
		for _, a := range chosen {
			a.disk.Crash()
			a.node, a.stalled = nil, false
			s.printf("%s", a)
		}
	case "restart":
		for _, a := range chosen {
			if err := s.boot(a); err != nil {
				return err
			}
		}
	case "stall":
		for _, a := range chosen {
			a.stalled = true
		}
	case "resume":
		for _, a := range chosen {
			a.stalled = false
			if err := s.work(a); err != nil {
				return err
			}
		}
	case "isolate":
		s.isolated = append(s.isolated, ids...)
	case "rejoin":
		s.isolated = slices.DeleteFunc(s.isolated, func(id uint64) bool { return len(ids) == 0 || slices.Contains(ids, id) })
	case "deliver":
		return s.deliver(s.pick(d), false)
	case "drop":
		for _, m := range s.pick(d) {
			s.printf("dropped: %s", describe(m))
		}
	case "stabilize":
		quiet := d.HasArg("quiet")
		for range 1000 {
			if len(s.net) == 0 {
				return nil
			}
			msgs := s.net
			s.net = nil
			if err := s.deliver(msgs, quiet); err != nil {
				return err
			}
		}
		return fmt.Errorf("messages do not end")
	case "messages":
		for _, m := range s.net {
			s.printf("%s", describe(m))
		}
	case "status":
		for _, a := range chosen {
			s.printf("%s", a)
		}
	case "log":
		for _, a := range chosen {
			before := ""
			if a.disk.now.before > 0 {
				before = fmt.Sprintf("snapshot %s ", position(a.disk.now.before, a.disk.now.beforeTerm))
			}
			s.printf("node %d: %s%s", a.id, before, strings.Trim(describeAll(a.disk.now.entries), "[]"))
		}
	default:
		return fmt.Errorf("there is no command %s", d.Cmd)
	}
	return nil
}

func describeAll(entries []*pb.Entry) string {
	var parts []string
	for _, e := range entries {
		parts = append(parts, describeEntry(e))
	}
	return strings.Join(parts, " ")
}

func (a *actor) end() string {
	term, _ := a.disk.Term(a.disk.last())
	return position(a.disk.last(), term)
}

func (a *actor) String() string {
	if a.node == nil {
		return fmt.Sprintf("node %d is down, its log ends at %s", a.id, a.end())
	}
	st := a.node.Status()
	lead := "no known leader"
	if st.Lead != 0 {
		lead = fmt.Sprintf("leader %d", st.Lead)
	}
	vote := "no vote"
	if st.Vote != 0 {
		vote = fmt.Sprintf("vote for %d", st.Vote)
	}
	text := fmt.Sprintf("node %d: %v of term %d, %s, %s, log up to %s, commit %d, members %v, applied:", a.id, st.RaftState, st.Term, vote, lead, a.end(), st.Commit, st.Nodes)
	if len(a.data) == 0 {
		return text + " nothing"
	}
	return text + " " + strings.Join(a.data, " ")
}

// idsOf returns the arguments that are node ids: all of those that are numbers
// up to the first that is not.
func idsOf(d *datadriven.TestData) ([]uint64, error) {
	var ids []uint64
	for _, arg := range d.CmdArgs {
		id, err := strconv.ParseUint(arg.Key, 10, 64)
		if err != nil || len(arg.Vals) > 0 {
			break
		}
		ids = append(ids, id)
		if d.Cmd == "propose" {
			break
		}
	}
	return ids, nil
}

// number returns the number given as key=N, or otherwise.
func number(d *datadriven.TestData, key string, otherwise uint64) uint64 {
	for _, arg := range d.CmdArgs {
		if arg.Key == key && len(arg.Vals) == 1 {
			if n, err := strconv.ParseUint(arg.Vals[0], 10, 64); err == nil {
				return n
			}
		}
	}
	return otherwise
}

func (s *scene) actor(id uint64) *actor {
	for _, a := range s.nodes {
		if a.id == id {
			return a
		}
	}
	return nil
}

// create makes the nodes of a cluster.
func (s *scene) create(d *datadriven.TestData, ids []uint64) error {
	*s = scene{maxSize: number(d, "max-size", 0)}
	logs := map[uint64][]uint64{}
	var n uint64
	if len(ids) == 1 {
		n = ids[0]
	}
	for line := range strings.Lines(d.Input) {
		id, rest, _ := strings.Cut(line, ":")
		node, err := strconv.ParseUint(strings.TrimSpace(id), 10, 64)
		if err != nil {
			return err
		}
		n = max(n, node)
		for _, field := range strings.Fields(rest) {
			term, err := strconv.ParseUint(field, 10, 64)
			if err != nil {
				return err
			}
			logs[node] = append(logs[node], term)
		}
	}
	for id := uint64(1); id <= n; id++ {
		disk := NewDisk(upTo(int(n)), logs[id]...)
		if term := number(d, "term", 0); term > 0 {
			disk.SetHardState(term, 0, 0)
		}
		if err := s.add(&actor{id: id, disk: disk}); err != nil {
			return err
		}
	}
	return nil
}

func (s *scene) add(a *actor) error {
	s.nodes = append(s.nodes, a)
	return s.boot(a)
}

// boot starts a node from its disk. Its application has kept the snapshot, and
// nothing else.
func (s *scene) boot(a *actor) error {
	a.disk.ForgetApplied()
	a.applied, a.data = a.disk.now.applied, strings.Fields(string(a.disk.now.state))
	node, err := raft.NewRawNode(configOf(a.id, a.disk, func(c *raft.Config) {
		c.Applied = a.applied
		c.MaxSizePerMsg = s.maxSize
		c.RandIntN = func(int) int { return 0 }
	}))
	if err != nil {
		return err
	}
	a.node, a.last = node, node.Status()
	return s.work(a)
}

// work handles the Readys of a, and tells what changed.
func (s *scene) work(a *actor) error {
	s.tell(a)
	for !a.stalled && a.node.HasReady() {
		rd := a.node.Ready()
		if err := a.disk.Save(rd); err != nil {
			return err
		}
		a.disk.Sync()
		for _, m := range rd.Messages {
			s.net = append(s.net, copyMessage(m))
		}
		if snapshot := rd.Snapshot; snapshot != nil {
			a.applied, a.data = snapshot.Metadata.Index, strings.Fields(string(snapshot.Data))
			s.printf("  node %d installs the %s", a.id, describeSnapshot(snapshot))
		}
		for _, e := range rd.CommittedEntries {
			a.applied = e.Index
			if e.EntryType == pb.EntryType_EntryConfChange {
				cc := &pb.ConfChange{}
				if err := proto.Unmarshal(e.Data, cc); err != nil {
					return err
				}
				conf := a.node.ApplyConfChange(cc)
				a.disk.SetConfState(conf)
				s.printf("  node %d applies %s: the members are %v", a.id, describeEntry(e), conf.Nodes)
				continue
			}
			if len(e.Data) > 0 {
				a.data = append(a.data, string(e.Data))
				s.printf("  node %d applies %s", a.id, describeEntry(e))
			}
		}
		a.disk.SaveApplied(a.applied, a.disk.now.conf, []byte(strings.Join(a.data, " ")))
		a.disk.Sync()
		a.node.Advance(rd)
		s.tell(a)
	}
	return nil
}

// tell says how the role, term and commit index of a have changed.
func (s *scene) tell(a *actor) {
	st, last := a.node.Status(), a.last
	a.last = st
	if st.RaftState != last.RaftState || st.Term != last.Term {
		s.printf("  node %d is %v of term %d", a.id, st.RaftState, st.Term)
	}
	if st.Commit != last.Commit {
		s.printf("  node %d commits up to %d", a.id, st.Commit)
	}
}

// pick takes the messages that d asks for out of the network.
func (s *scene) pick(d *datadriven.TestData) []*pb.Message {
	from, to, most := number(d, "from", 0), number(d, "to", 0), number(d, "n", 1<<20)
	kind := ""
	if d.HasArg("type") {
		for _, arg := range d.CmdArgs {
			if arg.Key == "type" {
				kind = arg.Vals[0]
			}
		}
	}
	var picked, rest []*pb.Message
	for _, m := range s.net {
		if (from == 0 || m.From == from) && (to == 0 || m.To == to) && (kind == "" || m.MsgType.String() == kind) && uint64(len(picked)) < most {
			picked = append(picked, m)
		} else {
			rest = append(rest, m)
		}
	}
	s.net = rest
	return picked
}

// deliver hands each message to its receiver, if both can be reached.
func (s *scene) deliver(msgs []*pb.Message, quiet bool) error {
	for _, m := range msgs {
		a := s.actor(m.To)
		lost := a == nil || a.node == nil || slices.Contains(s.isolated, m.From) || slices.Contains(s.isolated, m.To)
		switch {
		case quiet:
		case lost:
			s.printf("lost: %s", describe(m))
		default:
			s.printf("%s", describe(m))
		}
		if lost {
			if from := s.actor(m.From); from != nil && from.node != nil && m.MsgType == pb.MessageType_MsgSnapshot {
				from.node.ReportSnapshot(m.To, false)
			}
			continue
		}
		_ = a.node.Step(m)
		if err := s.work(a); err != nil {
			return err
		}
		if from := s.actor(m.From); from != nil && from.node != nil && m.MsgType == pb.MessageType_MsgSnapshot {
			from.node.ReportSnapshot(m.To, true)
			if err := s.work(from); err != nil {
				return err
			}
		}
	}
	return nil
}

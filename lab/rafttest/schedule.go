package rafttest

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/labkv/labkv/lab/dice"
)

// A schedule is everything that decides a run but the implementation: which
// nodes take part, what goes wrong when, and the dice for everything else. It
// is data, so that it can be printed, and run again with a fault less.
type schedule struct {
	seed    uint64
	setting setting
	faults  []fault // in the order of their beginnings
}

// A setting is what holds for a whole run.
type setting struct {
	nodes  int
	origin origin

	electionTick  int
	heartbeatTick int

	// clockSkew is by how many permille a node's clock may be fast or slow.
	clockSkew int

	// latency is the longest time that a message takes while nothing is wrong.
	latency time.Duration

	// disk and apply are the longest time that a sync, and applying, take. The
	// node is ticked and stepped meanwhile. Zero: no event comes in between.
	disk, apply time.Duration

	// forgetful applications save nothing that they applied: after a restart
	// they begin with the snapshot.
	forgetful bool

	// compactAfter is the number of entries that an application keeps in its
	// log before it compacts it, or 0 if it does so at no particular time.
	compactAfter int

	// freshSnapshots are taken when they are sent, others when the log is
	// compacted.
	freshSnapshots bool

	// syncApplied is the share of Readys after which what was applied is synced.
	syncApplied float64

	// reports makes the network tell a sender of some of the losses.
	reports bool

	// proposeEvery is the mean time between two proposals.
	proposeEvery time.Duration

	// proposalSize is the greatest size of a proposal in bytes.
	proposalSize int

	// steady runs have no faults, so that a leader must stay once it is there.
	steady bool

	// span is when all faults end. From then on, the group must recover.
	span time.Duration
}

// An origin is how the first members know that they are members.
type origin int

const (
	// originMembers: their storage says so. No node can join later, because it
	// is in no log.
	originMembers origin = iota
	// originLog: their logs begin with the changes that add them.
	originLog
	// originSnapshot: they begin with a snapshot after those changes.
	originSnapshot
)

// tick is the time between two ticks of a clock that is right.
const tick = 10 * time.Millisecond

// A faultKind is a way for things to go wrong.
type faultKind int

const (
	lossyNetwork faultKind = iota
	duplicatingNetwork
	slowNetwork
	splitNetwork
	isolatedNode
	deafNode
	muteNode
	bridgedNetwork
	crashedNode
	powerFailure
	stalledClock
	slowDisk
	calledElection

	compaction
	lossySnapshots
	snapshotNotReady

	leadershipTransfer
	nodeAdded
	nodeRemoved
)

// A target is a node of a fault: a fixed one, or the node that has a role when
// the fault begins.
type target int

const (
	theLeader target = -1 - iota
	aFollower
	everybody
)

func (t target) String() string {
	switch t {
	case theLeader:
		return "the leader"
	case aFollower:
		return "a follower"
	case everybody:
		return "every node"
	}
	return fmt.Sprintf("node %d", int(t))
}

// A crashPoint is how far a node gets with a Ready before it crashes.
type crashPoint int

const (
	crashIdle crashPoint = iota
	crashBeforeSave
	crashBeforeSync
	crashBeforeSend
	crashWhileSending
	crashBeforeApply
	crashBeforeAdvance
	crashPoints
)

func (p crashPoint) String() string {
	return [...]string{
		"between two Readys",
		"before it saves a Ready",
		"after saving a Ready, before the sync",
		"after the sync, before sending",
		"with half of its messages sent",
		"after sending, before applying",
		"after applying, before Advance",
	}[p]
}

// A fault is one thing that goes wrong, from some time until another.
type fault struct {
	id    uint64 // 1, 2, ... in the schedule as it was made
	kind  faultKind
	from  time.Duration
	until time.Duration

	who   target
	to    target        // leadershipTransfer, calledElection
	sides uint64        // splitNetwork, bridgedNetwork: bit i: the side of node i+1
	share float64       // of messages
	delay time.Duration // slowNetwork, slowDisk
	point crashPoint
	ready uint64 // crashedNode: the Ready in whose handling it happens; 0: any
}

// String returns when what goes wrong: "0.32s-0.50s node 2 is cut off".
func (f fault) String() string {
	when := seconds(f.from)
	if f.until > f.from {
		when += "-" + seconds(f.until)
	}
	return when + " " + f.what()
}

func (f fault) what() string {
	switch f.kind {
	case lossyNetwork:
		return fmt.Sprintf("%.0f%% of messages are lost", 100*f.share)
	case duplicatingNetwork:
		return fmt.Sprintf("%.0f%% of messages arrive twice", 100*f.share)
	case slowNetwork:
		return fmt.Sprintf("%.0f%% of messages are late by up to %s", 100*f.share, seconds(f.delay))
	case splitNetwork:
		return fmt.Sprintf("the network is split into nodes %s", f.describeSides())
	case bridgedNetwork:
		return fmt.Sprintf("the network is split into nodes %s, and only %v reaches both", f.describeSides(), f.who)
	case isolatedNode:
		return fmt.Sprintf("%v is cut off", f.who)
	case deafNode:
		return fmt.Sprintf("nothing reaches %v", f.who)
	case muteNode:
		return fmt.Sprintf("nothing from %v arrives", f.who)
	case crashedNode:
		if f.ready > 0 {
			return fmt.Sprintf("%v crashes in its Ready %d %v, and restarts soon", f.who, f.ready, f.point)
		}
		return fmt.Sprintf("%v crashes %v, and restarts at the end", f.who, f.point)
	case powerFailure:
		return "every node crashes, and restarts at the end"
	case stalledClock:
		return fmt.Sprintf("the clock of %v stands still, then catches up at once", f.who)
	case slowDisk:
		return fmt.Sprintf("the disk of %v takes up to %s for a sync", f.who, seconds(f.delay))
	case calledElection:
		if f.to == f.who {
			return fmt.Sprintf("%v is told to campaign", f.who)
		}
		return fmt.Sprintf("%v and %v are told to campaign", f.who, f.to)
	case compaction:
		return fmt.Sprintf("%v takes a snapshot and compacts its log", f.who)
	case lossySnapshots:
		return fmt.Sprintf("%.0f%% of snapshots are lost, as many arrive twice", 100*f.share)
	case snapshotNotReady:
		return fmt.Sprintf("%v has no snapshot ready", f.who)
	case leadershipTransfer:
		return fmt.Sprintf("%v is asked to transfer leadership to %v", f.who, f.to)
	case nodeAdded:
		return fmt.Sprintf("%v is to be added", f.who)
	case nodeRemoved:
		return fmt.Sprintf("%v is to be removed", f.who)
	}
	return fmt.Sprintf("fault %d", f.kind)
}

func (f fault) describeSides() string {
	var ids []string
	for id := uint64(1); id <= maxNodes; id++ {
		if f.side(id) == 1 {
			ids = append(ids, fmt.Sprint(id))
		}
	}
	return fmt.Sprintf("{%s} and the rest", strings.Join(ids, ","))
}

// side returns the side of the network that the node id is on, 0 or 1.
func (f fault) side(id uint64) uint64 { return f.sides >> (id - 1) & 1 }

func seconds(d time.Duration) string { return fmt.Sprintf("%.3fs", d.Seconds()) }

// String returns the schedule as a list of what goes wrong, one per line.
func (s schedule) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d nodes, election timeout %d ticks, heartbeats every %d", s.setting.nodes, s.setting.electionTick, s.setting.heartbeatTick)
	if s.setting.disk > 0 || s.setting.apply > 0 {
		fmt.Fprintf(&b, "; syncs take up to %s, applying up to %s", seconds(s.setting.disk), seconds(s.setting.apply))
	}
	if s.setting.forgetful {
		b.WriteString("; applications start over from the snapshot")
	}
	if n := s.setting.compactAfter; n > 0 {
		fmt.Fprintf(&b, "; logs of more than %d entries are compacted", n)
	}
	for _, f := range s.faults {
		fmt.Fprintf(&b, "\n%v", f)
	}
	fmt.Fprintf(&b, "\n%s everything is well again", seconds(s.setting.span))
	return b.String()
}

// A theme is what the schedules of a test have in common.
type theme struct {
	sizes []int
	kinds []faultKind
	// faults bounds how many there are.
	fewest, most int
	// always are kinds that no seed goes without.
	always []faultKind
	// whom are the nodes that the faults hit. Nil: any.
	whom []target
	// steady groups have no faults, and neither slow disks nor wrong clocks.
	steady bool
}

// schedule makes the schedule of a seed. The seed also picks which kinds of
// faults there are at all: a run with few of them reaches what a run with all of
// them does not.
func (th theme) schedule(seed uint64) schedule {
	d := dice.NewDrawer(dice.Dice(seed), askSetting, 0)
	s := schedule{seed: seed, setting: setting{
		nodes:          dice.Pick(d, th.sizes...),
		electionTick:   d.Between(6, 12),
		heartbeatTick:  d.Between(1, 2),
		clockSkew:      dice.Pick(d, 0, 50, 200),
		latency:        dice.Pick[time.Duration](d, 1, 3, 8) * time.Millisecond,
		forgetful:      d.Chance(0.25),
		freshSnapshots: d.Chance(0.5),
		syncApplied:    dice.Pick(d, 0, 0.2, 1),
		reports:        d.Chance(0.5),
		proposeEvery:   d.Duration(6*time.Millisecond, 40*time.Millisecond),
		proposalSize:   dice.Pick(d, 8, 8, 200),
		span:           d.Duration(1200*time.Millisecond, 2200*time.Millisecond),
	}}
	if d.Chance(0.5) {
		s.setting.disk = d.Duration(1*time.Millisecond, 12*time.Millisecond)
	}
	if d.Chance(0.3) {
		s.setting.apply = d.Duration(1*time.Millisecond, 8*time.Millisecond)
	}

	if slices.Contains(th.always, compaction) && d.Chance(0.7) {
		s.setting.compactAfter = d.Between(2, 24)
	}
	if slices.Contains(th.always, nodeAdded) {
		s.setting.origin = dice.Pick(d, originLog, originSnapshot)
		// A snapshot is no use to a member that it does not know.
		s.setting.freshSnapshots = true
	}
	if th.steady {
		s.setting.steady = true
		s.setting.clockSkew, s.setting.disk, s.setting.apply = 0, 0, 0
		// With few proposals it takes heartbeats to stay the leader.
		s.setting.proposeEvery = dice.Pick[time.Duration](d, 20, 400) * time.Millisecond
		return s
	}

	kinds := slices.Clone(th.always)
	for _, k := range th.kinds {
		if d.Chance(0.5) {
			kinds = append(kinds, k)
		}
	}
	if len(kinds) == 0 {
		kinds = append(kinds, dice.Pick(d, th.kinds...))
	}
	added := s.setting.nodes
	for i := range d.Between(th.fewest, th.most) {
		f := newFault(uint64(i)+1, dice.Pick(d, kinds...), s)
		if th.whom != nil {
			f.who = dice.Pick(d, th.whom...)
		}
		// Now and then a member is added that is there already.
		if f.kind == nodeAdded && f.who != theLeader {
			if added == maxNodes {
				continue
			}
			added++
			f.who = target(added)
		}
		s.faults = append(s.faults, f)
	}
	slices.SortStableFunc(s.faults, func(a, b fault) int { return cmp.Compare(a.from, b.from) })
	return s
}

// crashesAtReady returns schedules of a small group in which nothing goes wrong
// but that one node, each in turn, crashes in the handling of its nth Ready, at
// each of the points there are.
func crashesAtReady(n uint64) []schedule {
	var all []schedule
	for node := target(1); node <= 3; node++ {
		for point := crashBeforeSave; point < crashPoints; point++ {
			all = append(all, schedule{
				seed: n%5 + 1,
				setting: setting{
					nodes: 3, electionTick: 8, heartbeatTick: 2, latency: 3 * time.Millisecond,
					proposeEvery: 15 * time.Millisecond, proposalSize: 8, span: 600 * time.Millisecond,
				},
				faults: []fault{{id: 1, kind: crashedNode, until: 500 * time.Millisecond, who: node, point: point, ready: n}},
			})
		}
	}
	return all
}

// maxNodes bounds the nodes of a run, those that were removed included.
const maxNodes = 9

// newFault makes the fault with that id from the dice of the schedule s.
func newFault(id uint64, kind faultKind, s schedule) fault {
	d := dice.NewDrawer(dice.Dice(s.seed), askFault, id<<32)
	span := s.setting.span
	f := fault{id: id, kind: kind}
	f.from = d.Duration(span/20, span-span/8)
	f.until = min(span, f.from+d.Duration(30*time.Millisecond, dice.Pick[time.Duration](d, 100, 300, 800)*time.Millisecond))
	node := func() target { return target(d.Between(1, s.setting.nodes)) }
	f.who = dice.Pick(d, theLeader, aFollower, node())
	f.share = dice.Pick(d, 0.05, 0.2, 0.5)
	switch kind {
	case lossyNetwork, duplicatingNetwork:
		if d.Chance(0.3) {
			f.until = span
		}
	case calledElection:
		f.until = f.from
		f.who, f.to = node(), node()
	case slowNetwork:
		f.delay = d.Duration(5*time.Millisecond, 120*time.Millisecond)
	case slowDisk:
		f.who = dice.Pick(d, theLeader, aFollower, everybody)
		f.delay = d.Duration(10*time.Millisecond, 150*time.Millisecond)
	case splitNetwork, bridgedNetwork:
		if n := s.setting.nodes; n > 1 {
			f.sides = 1 + d.Bits()%(1<<n-2)
		}
		f.who = node()
	case crashedNode:
		f.point = crashPoint(d.IntN(int(crashPoints)))
	case compaction:
		f.until = f.from
	case leadershipTransfer:
		f.until = f.from
		f.who = dice.Pick(d, theLeader, theLeader, aFollower)
		f.to = dice.Pick(d, aFollower, aFollower, theLeader, node())
	}
	return f
}

// isChange reports whether f is a proposal that is repeated until it is taken.
func (f fault) isChange() bool { return f.kind == nodeAdded || f.kind == nodeRemoved }

// happening is what f does to node, which it hit.
func (f fault) happening(node uint64) string {
	if node != 0 {
		f.who = target(node)
	}
	return f.what()
}

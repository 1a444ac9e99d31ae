package rafttest

import (
	"math/bits"
	"strings"
)

// Goals are situations that a run has reached. A test of schedules none of whose
// seeds reaches what it is about tests nothing: the suite's own tests demand
// that each situation of a test is reached by some of its seeds.
type goals uint32

// A goal is one such situation.
type goal uint

const (
	goalLeaderDeposed goal = iota
	goalElectionFailed
	goalConflictReplaced
	goalEarlierTermCommitted
	goalLeaderWithUncommitted
	goalMessageLost
	goalMessageRepeated
	goalStaleAppend
	goalSteppedWhileBusy
	goalRestart
	goalLeaderCrashed
	goalCrashLostWrites
	goalCrashLostEntries

	goalCompacted
	goalSnapshotInstalled
	goalSnapshotLost
	goalStaleSnapshot

	goalTransferred
	goalMemberAdded
	goalMemberRemoved
	goalLeaderRemoved
	goalChangeUnderFaults
	goalCount
)

func (g goal) String() string {
	return [...]string{
		"a leader was deposed",
		"an election had no winner",
		"entries in conflict with the leader's were replaced",
		"an entry of an earlier term was committed with one of the leader's own",
		"a leader was elected with uncommitted entries",
		"a message was lost",
		"a message arrived twice",
		"an append of an earlier term arrived",
		"a node was ticked or stepped between Ready and Advance",
		"a node restarted",
		"a leader crashed",
		"a crash lost writes",
		"a crash lost entries",
		"a log was compacted",
		"a snapshot was installed",
		"a snapshot was lost",
		"a snapshot arrived that was no news",
		"leadership was transferred",
		"a member was added",
		"a member was removed",
		"a leader was removed",
		"a membership change was committed while something was wrong",
	}[g]
}

func (g *goals) add(one goal) { *g |= 1 << one }

// String lists the goals, one per line.
func (g goals) String() string {
	var lines []string
	for ; g != 0; g &= g - 1 {
		lines = append(lines, goal(bits.TrailingZeros32(uint32(g))).String())
	}
	return strings.Join(lines, "\n")
}

package rafttest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/dice"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/trace"
)

// scheduleTests run whole groups through seeded schedules of faults.
var scheduleTests = registered(scheduledTests)

// A scheduledTest runs one schedule of a theme for each seed or, if plans is set,
// several.
type scheduledTest struct {
	name  string
	claim graded.Claim
	theme theme
	plans func(seed uint64) []schedule
	seeds int
	// reaches are the situations that some of its seeds must get into.
	reaches []goal
}

var (
	whatever = graded.Claim{
		Text:   "whatever the network does and whichever nodes crash, no safety property is ever broken, and once all is well the group recovers",
		Source: "Raft Figure 3, §5.6",
	}

	networkFaults = []faultKind{lossyNetwork, duplicatingNetwork, slowNetwork, splitNetwork, isolatedNode, deafNode, muteNode, bridgedNetwork}
	nodeFaults    = []faultKind{crashedNode, powerFailure, stalledClock, slowDisk, calledElection}
	logFaults     = []faultKind{compaction, lossySnapshots, snapshotNotReady}
	groupFaults   = []faultKind{nodeAdded, nodeRemoved, leadershipTransfer}

	// What random schedules of any stage must get into.
	trouble = []goal{
		goalLeaderDeposed, goalElectionFailed, goalConflictReplaced, goalEarlierTermCommitted,
		goalLeaderWithUncommitted, goalMessageLost, goalMessageRepeated, goalStaleAppend,
		goalSteppedWhileBusy, goalRestart, goalLeaderCrashed, goalCrashLostWrites, goalCrashLostEntries,
	}
	compacted = []goal{goalCompacted, goalSnapshotInstalled, goalSnapshotLost, goalStaleSnapshot}
	regrouped = []goal{goalMemberAdded, goalMemberRemoved, goalLeaderRemoved, goalChangeUnderFaults}
)

var scheduledTests = []scheduledTest{
	{
		name: "SteadyGroupKeepsItsLeader2AC",
		claim: graded.Claim{
			Text:   "in a group without faults one leader is elected, stays, and commits what is proposed",
			Source: "Raft §5.2, §5.3",
		},
		theme: theme{sizes: []int{1, 2, 3, 5}, steady: true},
		seeds: 30,
	},
	{
		name:    "RandomSchedulesOfThree2AC",
		claim:   whatever,
		theme:   theme{sizes: []int{3}, kinds: slices.Concat(networkFaults, nodeFaults), fewest: 4, most: 24},
		seeds:   60,
		reaches: trouble,
	},
	{
		name:    "RandomSchedulesOfFive2AC",
		claim:   whatever,
		theme:   theme{sizes: []int{5}, kinds: slices.Concat(networkFaults, nodeFaults), fewest: 4, most: 24},
		seeds:   60,
		reaches: trouble,
	},
	{
		name:    "RandomSchedulesOfOtherSizes2AC",
		claim:   whatever,
		theme:   theme{sizes: []int{1, 2, 4, 7}, kinds: slices.Concat(networkFaults, nodeFaults), fewest: 4, most: 24},
		seeds:   40,
		reaches: trouble,
	},
	{
		name: "LeadersCutOff2AC",
		claim: graded.Claim{
			Text:   "a leader that is cut off commits nothing, its successor has all that was committed, and it follows when it is back",
			Source: "Raft §5.2, §5.4",
		},
		theme:   theme{sizes: []int{3, 5}, always: []faultKind{isolatedNode}, kinds: []faultKind{splitNetwork, deafNode, muteNode, slowDisk}, fewest: 6, most: 14, whom: []target{theLeader}},
		seeds:   60,
		reaches: []goal{goalLeaderDeposed, goalConflictReplaced, goalLeaderWithUncommitted},
	},
	{
		name: "LateAndRepeatedMessages2AC",
		claim: graded.Claim{
			Text:   "a message that is late or repeated elects no leader, commits nothing and takes nothing back",
			Source: "Raft §5.1, §5.3",
		},
		theme:   theme{sizes: []int{3, 3, 4, 5}, always: []faultKind{slowNetwork, slowNetwork, calledElection, calledElection}, kinds: []faultKind{duplicatingNetwork, splitNetwork, isolatedNode, lossyNetwork}, fewest: 16, most: 40},
		seeds:   60,
		reaches: []goal{goalLeaderDeposed, goalElectionFailed, goalConflictReplaced, goalLeaderWithUncommitted, goalMessageRepeated, goalStaleAppend},
	},
	{
		name: "CrashesAnywhere2AC",
		claim: graded.Claim{
			Text:   "a node may crash anywhere between Ready and Advance, and loses only what it has not promised",
			Source: "Raft Figure 2, the Ready contract",
		},
		theme:   theme{sizes: []int{1, 3, 3, 5}, always: []faultKind{crashedNode}, kinds: []faultKind{powerFailure, slowDisk, lossyNetwork, slowNetwork}, fewest: 8, most: 24},
		seeds:   60,
		reaches: []goal{goalRestart, goalLeaderCrashed, goalCrashLostWrites, goalCrashLostEntries, goalConflictReplaced, goalSteppedWhileBusy},
	},
	{
		name: "CrashAtEveryStep2AC",
		claim: graded.Claim{
			Text:   "wherever in the handling of its nth Ready a node crashes, the group goes on",
			Source: "Raft Figure 2, the Ready contract",
		},
		plans:   crashesAtReady,
		seeds:   20,
		reaches: []goal{goalRestart, goalLeaderCrashed, goalCrashLostWrites, goalCrashLostEntries},
	},

	{
		name: "CompactedLogsAndSnapshots2C",
		claim: graded.Claim{
			Text:   "a member that lacks what was compacted gets a snapshot, and is then as good as any other",
			Source: "Raft §7",
		},
		theme:   theme{sizes: []int{3, 5}, always: []faultKind{compaction, isolatedNode, crashedNode}, kinds: []faultKind{powerFailure, slowDisk}, fewest: 14, most: 30},
		seeds:   50,
		reaches: []goal{goalCompacted, goalSnapshotInstalled, goalRestart},
	},
	{
		name: "SnapshotsLostLateAndRepeated2C",
		claim: graded.Claim{
			Text:   "a snapshot that is lost is sent again, and one that is late or repeated takes nothing back",
			Source: "Raft §7",
		},
		theme:   theme{sizes: []int{3, 5}, always: []faultKind{compaction, lossySnapshots, isolatedNode, slowNetwork}, kinds: []faultKind{snapshotNotReady, duplicatingNetwork, crashedNode}, fewest: 16, most: 32},
		seeds:   50,
		reaches: compacted,
	},
	{
		name:    "RandomSchedulesWithSnapshots2C",
		claim:   whatever,
		theme:   theme{sizes: []int{3, 3, 5, 1, 2, 4, 7}, always: []faultKind{compaction}, kinds: slices.Concat(networkFaults, nodeFaults, logFaults), fewest: 8, most: 32},
		seeds:   60,
		reaches: append(slices.Clone(trouble), goalCompacted, goalSnapshotInstalled, goalStaleSnapshot),
	},

	{
		name: "LeadershipTransfers3A",
		claim: graded.Claim{
			Text:   "a transfer of leadership is an election like any other, and one that fails leaves the group working",
			Source: "thesis §3.10",
		},
		theme:   theme{sizes: []int{2, 3, 5}, always: []faultKind{leadershipTransfer}, kinds: []faultKind{lossyNetwork, slowNetwork, isolatedNode, muteNode, crashedNode, slowDisk}, fewest: 8, most: 24},
		seeds:   50,
		reaches: []goal{goalTransferred, goalLeaderDeposed},
	},
	{
		name: "MembersComeAndGo3A",
		claim: graded.Claim{
			Text:   "members can be added and removed one at a time while the group works, whichever node leads, crashes or is cut off",
			Source: "thesis §4.1, §4.2",
		},
		theme:   theme{sizes: []int{1, 2, 3, 5}, always: []faultKind{nodeAdded, nodeRemoved}, kinds: []faultKind{lossyNetwork, isolatedNode, splitNetwork, crashedNode, slowDisk, leadershipTransfer}, fewest: 8, most: 20},
		seeds:   60,
		reaches: regrouped,
	},
	{
		name:    "RandomSchedulesWithEverything3A",
		claim:   whatever,
		theme:   theme{sizes: []int{3, 3, 5, 1, 2, 4}, always: []faultKind{compaction, nodeAdded, nodeRemoved}, kinds: slices.Concat(networkFaults, nodeFaults, logFaults, groupFaults), fewest: 10, most: 36},
		seeds:   60,
		reaches: slices.Concat(trouble, compacted, regrouped, []goal{goalTransferred}),
	},
}

// registered returns the tests as the suite knows them.
func registered(tests []scheduledTest) []Test {
	var all []Test
	for _, s := range tests {
		all = append(all, Test{Name: s.name, Claim: s.claim, Seeds: s.seeds, RunSeed: s.run})
	}
	return all
}

// schedules returns the schedules of seed.
func (s scheduledTest) schedules(seed uint64) []schedule {
	if s.plans != nil {
		return s.plans(seed)
	}
	return []schedule{s.theme.schedule(seed)}
}

// graver looks among the seeds after seed for one that breaks a rule which is graver
// than that, and says which. A mistake that shows in every run is found first, and
// must not hide one that costs more and shows in few. The search has its bounds, as
// that for a smaller schedule has.
func (s scheduledTest) graver(impl Implementation, seed uint64, than gravity) string {
	spent := 0
	for other := seed + 1; other <= uint64(s.seeds) && than < ofDurability && spent < patience; other++ {
		for _, plan := range s.schedules(other) {
			out := perform(impl, plan)
			spent += out.events
			if v := out.violation; v != nil && v.rule.gravity() >= ofDurability {
				return fmt.Sprintf("seed %d breaks more: %s (%s)\nat %s, %s", other, v.rule.claim().Text, v.rule.claim().Source, seconds(v.at), v.found)
			}
		}
	}
	return ""
}

// run runs the schedules of seed, and explains what is wrong with the first that
// fails.
func (s scheduledTest) run(t *graded.T, impl Implementation, seed uint64) uint64 {
	t.Helper()
	digest := uint64(0)
	for _, plan := range s.schedules(seed) {
		out := perform(impl, plan)
		digest = dice.Mix(digest ^ out.digest)
		if out.violation == nil {
			keepTrace(t, impl, plan, 0)
			continue
		}
		t.SetDigest(digest)
		v := out.violation
		if strings.HasPrefix(fmt.Sprint(v.panicked), "TODO(") {
			panic(v.panicked) // not implemented: there is nothing to explain
		}
		if graded.Brief() {
			claim := v.rule.claim()
			graded.Explain(t, "broken", fmt.Sprintf("%s (%s)", claim.Text, claim.Source))
			t.Fatalf("at %s, %s", seconds(v.at), v.found)
		}
		f := explain(impl, plan, out)
		if graver := s.graver(impl, seed, out.violation.rule.gravity()); graver != "" {
			f.sections = append([]graded.Section{{Name: "graver", Text: graver}}, f.sections...)
		}
		for _, section := range f.sections {
			graded.Explain(t, section.Name, section.Text)
		}
		keepTrace(t, impl, f.plan, f.until)
		t.Fatal(f.message)
	}
	return digest
}

// keepTrace runs plan once more, until it breaks a rule if that is not 0, and writes the
// log of that to where it is wanted.
func keepTrace(t *graded.T, impl Implementation, plan schedule, until rule) {
	t.Helper()
	if !trace.Wants(until != 0) {
		return
	}
	out, events := record(impl, plan, until)
	test, _, _ := strings.Cut(t.Name(), "/")
	name, err := logOf(test, plan, out, events).Keep(until != 0)
	if err != nil {
		// The log is a help: that there is none must not hide what the run has found.
		name = fmt.Sprintf("none: %v", err)
	}
	graded.Explain(t, graded.TraceSection, name)
}

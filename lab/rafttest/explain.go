package rafttest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/labkv/labkv/lab/graded"
)

// An explanation is what a report says about a schedule that failed.
type explanation struct {
	message  string
	sections []graded.Section
	// plan is the smallest schedule found, and until the rule that it breaks.
	plan  schedule
	until rule
}

// explain finds out how little must go wrong for the same rule to break as in
// out, the outcome of plan, and tells that run.
func explain(impl Implementation, plan schedule, out outcome) explanation {
	var f explanation
	add := func(name, text string) {
		f.sections = append(f.sections, graded.Section{Name: name, Text: text})
	}
	note := ""
	if differs := compareRuns(impl, plan); differs != "" {
		add("determinism", differs)
	} else {
		if until := performUntil(impl, plan, out.violation.rule); until.violation != nil {
			out = until // its story ends with the violation
		}
		smaller, smallest := minimize(impl, plan, out)
		if n, m := len(plan.faults), len(smaller.faults); m < n {
			note = fmt.Sprintf("\n(minimized from %d faults to %d)", n, m)
		}
		plan, out = smaller, smallest
	}
	v := out.violation
	claim := v.rule.claim()
	f.message = fmt.Sprintf("at %s, %s", seconds(v.at), v.found)
	add("broken", fmt.Sprintf("%s (%s)", claim.Text, claim.Source))
	if b := out.before; b != nil && b.rule != v.rule {
		add("before", fmt.Sprintf("at %s, %s\n%s (%s)", seconds(b.at), b.found, b.rule.claim().Text, b.rule.claim().Source))
	}
	add("fate", out.story.describe(v.node))
	if v.rule == recovers || v.rule == comesToRest {
		found, round := out.story.endless()
		if v.rule == recovers && found != "" {
			f.message += "; " + found
		}
		if round != "" {
			add("exchange", round)
		}
	}
	add("schedule", plan.String()+note)
	if v.stack != "" {
		add("stack", v.stack)
	}
	f.plan, f.until = plan, v.rule
	return f
}

// patience bounds the events that are spent on making a schedule smaller.
const patience = 3_000_000

// minimize takes out of plan, whose outcome is out, what it can as long as the
// same rule breaks, and returns what is left and its outcome. Since chance is
// keyed, most of what happens stays as it was when a fault is taken out.
func minimize(impl Implementation, plan schedule, out outcome) (schedule, outcome) {
	spent := 0
	try := func(smaller schedule) bool {
		if spent > patience && !graded.Thorough() {
			return false
		}
		result := performUntil(impl, smaller, out.violation.rule)
		spent += result.events
		if result.violation == nil || result.violation.rule != out.violation.rule {
			return false
		}
		plan, out = smaller, result
		return true
	}
	without := func(lo, hi int) schedule {
		smaller := plan
		smaller.faults = slices.Delete(slices.Clone(plan.faults), lo, hi)
		return smaller
	}

	// Large pieces first, then single faults until none can go.
	for size := max(1, len(plan.faults)/2); ; size = max(1, size/2) {
		any := false
		for hi := len(plan.faults); hi > 0; hi -= size {
			if try(without(max(0, hi-size), hi)) {
				any = true
			}
		}
		if size == 1 && !any {
			break
		}
	}
	for _, simpler := range []func(s *setting){
		func(s *setting) { s.disk = 0 },
		func(s *setting) { s.apply = 0 },
		func(s *setting) { s.forgetful = false },
		func(s *setting) { s.clockSkew = 0 },
	} {
		smaller := plan
		simpler(&smaller.setting)
		if smaller.setting != plan.setting {
			try(smaller)
		}
	}
	return plan, out
}

// compareRuns runs plan twice, and says where the runs part, or nothing if they
// do not.
func compareRuns(impl Implementation, plan schedule) string {
	var runs [2][]takenStep
	for i := range runs {
		(&world{impl: impl, plan: plan, steps: &runs[i]}).perform()
	}
	for i := range min(len(runs[0]), len(runs[1])) {
		a, b := runs[0][i], runs[1][i]
		if a.digest == b.digest {
			continue
		}
		return fmt.Sprintf("two runs of this schedule differ, so the nodes are not deterministic: a map is walked, "+
			"or time, or chance other than Config.RandIntN, decides something\nevent %d is in one run   %s\nand in the other %s   %s",
			i+1, a.describe(), strings.Repeat(" ", len(fmt.Sprint(i+1))), b.describe())
	}
	return ""
}

func (s takenStep) describe() string {
	what := ""
	switch s.kind {
	case eventDeliver:
		what = describe(s.m)
	case eventTick:
		what = fmt.Sprintf("a tick of node %d", s.to)
	default:
		what = fmt.Sprintf("event of kind %d for node %d", s.kind, s.to)
	}
	return seconds(s.at) + " " + what
}

package grade

import (
	"fmt"
	"os/exec"
	"strings"
	"time"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/stack"
)

// judge turns what a process left behind into the verdict on the part of a test
// that it ran. seeds are the seeds that it had to run; none if the test chooses.
//
// Nothing that a process says makes it pass by itself: it passes only if it exited
// with status 0, and its report has a start and a passed end of the test for every
// run, and nothing else.
func judge(test *course.Test, seeds []uint64, budget course.Budget, o *outcome) *Result {
	a := accountOf(test.Name, o.records)
	r := &Result{Test: test, Elapsed: o.elapsed, Output: o.output, Runs: a.passed(), Claim: a.claim}
	if a.bad != nil {
		r.Seed, r.Digest, r.Sections = a.bad.Seed, a.bad.Digest, a.bad.Sections
	} else if a.open != nil {
		r.Seed = a.open.Seed
	}
	c := test.Stage.Project.Course
	var cr *crash
	if o.exit != nil {
		cr = parseCrash(c, o.output)
		if told := crashOf(c, a.bad); told != nil {
			cr = told
		}
	}
	switch {
	case o.excess != "":
		r.fail(o.excess)
	case cr != nil && isOutOfMemory(cr.message, o.output):
		r.fail(overMemory(budget))
	case cr != nil && cr.message == "fatal error: newosproc":
		r.fail(fmt.Sprintf("could not start another thread; it may have %d", maxThreads))
	case o.late != nil:
		r.judgeTimeout(c, o)
	case cr != nil:
		r.judgeCrash(a.bad, cr)
	case o.exit != nil:
		r.judgeExit(a.bad, o)
	default:
		r.judgeReport(a, seeds, o.recordsErr)
	}
	r.makePrintable()
	return r
}

// makePrintable takes out of what a verdict says whatever is a command for a terminal, or
// turns text around: a student's code decides a part of it.
func (r *Result) makePrintable() {
	r.Reason, r.At = printable(r.Reason), printable(r.At)
	for i := range r.Sections {
		section := &r.Sections[i]
		section.Name = printable(section.Name)
		lines := strings.Split(section.Text, "\n")
		for i := range lines {
			lines[i] = printable(lines[i])
		}
		section.Text = strings.Join(lines, "\n")
	}
}

func (r *Result) fail(reason string) { r.Status, r.Reason = Failed, reason }

// noVerdict is the reason when a process reports too little.
const noVerdict = "ended without a verdict"

// judgeCrash is the verdict on a process that the Go runtime ended. bad may be nil. A
// test that has reported a failure before knows more about it than the crash.
func (r *Result) judgeCrash(bad *graded.Record, cr *crash) {
	switch {
	case cr.todo != "":
		r.Status, r.Reason, r.At, r.Sections = NotImplemented, cr.todo, cr.told.At, nil
		if file, _, _ := strings.Cut(r.At, ":"); !r.Test.Stage.Project.Course.Editable(file) {
			r.At = "" // the harness has caught the panic, and handed it on
		}
	case bad != nil && bad.Reason != "":
		r.fail(bad.Reason)
	default:
		r.fail(cr.told.Reason)
		r.At = cr.told.At
		r.Sections = append(r.Sections, cr.told.Sections()...)
	}
}

// judgeTimeout is the verdict on a process whose time was over.
func (r *Result) judgeTimeout(c *course.Course, o *outcome) {
	r.Status, r.Reason = TimedOut, "no verdict within "+o.late.Error()
	if s := stuckIn(o.tree, stack.Parse(o.output, c.Root, c.Module), studentsOf(c)); s != nil {
		r.Reason += ": " + s.does
		r.At = s.at
		r.Sections = append(r.Sections, graded.Section{Name: "stuck in", Text: s.text})
	}
}

// judgeExit is the verdict on a process that did not exit with status 0. bad may be
// nil.
func (r *Result) judgeExit(bad *graded.Record, o *outcome) {
	if bad != nil && bad.Reason != "" {
		r.fail(bad.Reason)
		return
	}
	r.fail(noVerdict + ": " + exitText(o))
	if places := exitsIn(o.tree); places != "" {
		r.Sections = append(r.Sections, graded.Section{Name: "exits", Text: places})
	}
}

// judgeReport is the verdict on a process that exited with status 0: what it has
// reported counts. err is why the report cannot be read.
func (r *Result) judgeReport(a account, seeds []uint64, err error) {
	switch {
	case err != nil:
		r.fail(noVerdict + ": " + err.Error())
	case a.bad != nil && a.bad.Status == graded.StatusSkipped:
		r.Status, r.Reason = Skipped, a.bad.Reason
	case a.bad != nil:
		r.fail(a.bad.Reason)
	case a.open != nil, len(a.ends) == 0:
		r.fail(noVerdict)
	default:
		r.Status = Passed
		if missing, ok := firstMissing(seeds, r.Runs); ok {
			r.Seed = missing
			r.fail(noVerdict)
		}
	}
}

// An account is what the report of a process says of one test.
type account struct {
	claim graded.Claim
	ends  []graded.Record // of runs, in order
	bad   *graded.Record  // the first end that did not pass, nil if there is none
	open  *graded.Record  // the run that started and did not end, nil if there is none
}

// accountOf reads the records of a test. A record of another test, an end without a
// start and a second end of a run do not count.
func accountOf(test string, records []graded.Record) account {
	var a account
	for i := range records {
		rec := &records[i]
		if rec.Test != test {
			continue
		}
		if a.claim == (graded.Claim{}) {
			a.claim = graded.Claim{Text: rec.Claim, Source: rec.Source}
		}
		switch {
		case rec.Event == graded.EventStart && a.open == nil:
			a.open = rec
		case rec.Event == graded.EventEnd && a.open != nil && a.open.Seed == rec.Seed:
			a.open = nil
			a.ends = append(a.ends, *rec)
			if a.bad == nil && rec.Status != graded.StatusPassed {
				a.bad = rec
			}
		}
	}
	return a
}

// passed returns the runs that passed.
func (a account) passed() []Run {
	var runs []Run
	for _, end := range a.ends {
		if end.Status == graded.StatusPassed {
			runs = append(runs, Run{Seed: end.Seed, Digest: end.Digest, Goals: end.Goals})
		}
	}
	return runs
}

// judgeGoals fails a test that passed with all the seeds of the course's file, if
// none of its runs reached some goal.
func (r *Result) judgeGoals() {
	if r.Status != Passed {
		return
	}
	if _, ok := firstMissing(r.Test.Seeds, r.Runs); ok {
		return
	}
	var reached [][]graded.Goal
	for _, run := range r.Runs {
		reached = append(reached, run.Goals)
	}
	if reason, ok := graded.MissedGoal(reached); ok {
		r.fail(reason)
		r.missedGoal = true
		r.Sections = append(r.Sections, graded.GoalAdvice)
	}
}

// firstMissing returns the first of seeds that is not among runs.
func firstMissing(seeds []uint64, runs []Run) (uint64, bool) {
	done := map[uint64]bool{}
	for _, run := range runs {
		done[run.Seed] = true
	}
	for _, seed := range seeds {
		if !done[seed] {
			return seed, true
		}
	}
	return 0, false
}

// exitText says how a process ended that neither reported a failure nor crashed.
func exitText(o *outcome) string {
	text := o.exit.Error()
	if exit, ok := o.exit.(*exec.ExitError); ok && exit.Exited() {
		text = fmt.Sprintf("the process exited with status %d", exit.ExitCode())
	} else if ok {
		text = "the process ended by " + text
	}
	if last := lastLine(o.output); last != "" {
		text += fmt.Sprintf(", saying %q", graded.InOneLine(last))
	}
	return text
}

// isOutOfMemory recognizes the ways in which the runtime says so.
func isOutOfMemory(message, output string) bool {
	return strings.HasPrefix(message, "fatal error: ") &&
		(strings.Contains(message, "out of memory") || strings.Contains(output, "cannot allocate memory"))
}

func formatBudget(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	return text
}

func formatSize(bytes int64) string {
	if bytes%(1<<30) == 0 {
		return fmt.Sprintf("%d GiB", bytes>>30)
	}
	return fmt.Sprintf("%d MiB", bytes>>20)
}

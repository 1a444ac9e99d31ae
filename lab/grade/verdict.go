package grade

import (
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/graded"
)

// judge turns what a process left behind into the verdict on the part of a test
// that it ran. seeds are those that it had to run; none if the test chooses.
//
// Nothing that a process says makes it pass by itself: it passes only if it
// exited with status 0, and its report has a start and a passed end of the test
// for every run, and nothing else.
func judge(test *course.Test, seeds []uint64, budget course.Budget, o *outcome) *Result {
	r := &Result{Test: test, Elapsed: o.elapsed, Output: o.output}
	ends, open := sortRecords(test.Name, o.records)
	for _, end := range ends {
		if end.Status == graded.StatusPassed {
			r.Runs = append(r.Runs, Run{Seed: end.Seed, Digest: end.Digest})
		}
	}
	if i := slices.IndexFunc(o.records, func(rec graded.Record) bool { return rec.Test == test.Name }); i >= 0 {
		r.Claim = graded.Claim{Text: o.records[i].Claim, Source: o.records[i].Source}
	}
	var bad *graded.Record // the end that did not pass
	for i := range ends {
		if ends[i].Status != graded.StatusPassed {
			bad = &ends[i]
			break
		}
	}
	if bad != nil {
		r.Seed, r.Digest, r.Sections = bad.Seed, bad.Digest, bad.Sections
	} else if open != nil {
		r.Seed = open.Seed
	}
	cr, crashed := crash{}, false
	if o.exit != nil {
		cr, crashed = parseCrash(test.Stage.Project.Course, o.output)
	}

	switch {
	case o.overMemory, crashed && isOutOfMemory(cr.message, o.output):
		r.Status, r.Reason = Failed, "needs more than "+formatSize(budget.Memory)+" of memory"
	case o.timedOut:
		r.Status = TimedOut
		r.Reason = fmt.Sprintf("no verdict within %s", formatBudget(budget.Time))
		r.Sections = append(r.Sections, stuckAt(test, o.output)...)
	case o.exit != nil && crashed && cr.todo != "":
		r.Status, r.Reason, r.At, r.Sections = NotImplemented, cr.todo, cr.at, nil
	case o.exit != nil && crashed && bad != nil && bad.Reason != "":
		r.Status, r.Reason = Failed, bad.Reason
	case o.exit != nil && crashed:
		r.Status, r.Reason, r.At = Failed, cr.message, cr.at
		r.Sections = append(r.Sections, stackSection(cr.frames)...)
	case o.exit != nil && bad != nil:
		r.Status, r.Reason = Failed, bad.Reason
		if r.Reason == "" {
			r.Reason = "ended without a verdict: " + exitText(o)
		}
	case o.exit != nil:
		r.Status, r.Reason = Failed, "ended without a verdict: "+exitText(o)
	case o.recordsErr != nil:
		r.Status, r.Reason = Failed, "ended without a verdict: "+o.recordsErr.Error()
	case bad != nil && bad.Status == graded.StatusSkipped:
		r.Status, r.Reason = Skipped, bad.Reason
	case bad != nil:
		r.Status, r.Reason = Failed, bad.Reason
	case open != nil, len(ends) == 0:
		r.Status, r.Reason = Failed, "ended without a verdict"
	default:
		r.Status = Passed
		if missing, ok := firstMissing(seeds, ends); ok {
			r.Status, r.Seed, r.Reason = Failed, missing, "ended without a verdict"
		}
	}
	return r
}

// sortRecords returns the ends of a test's runs in order, and the run that started
// and did not end. A record of another test, an end without a start and a run
// that ends twice are no ends.
func sortRecords(test string, records []graded.Record) (ends []graded.Record, open *graded.Record) {
	for i := range records {
		rec := &records[i]
		switch {
		case rec.Test != test:
		case rec.Event == graded.EventStart && open == nil:
			open = rec
		case rec.Event == graded.EventEnd && open != nil && open.Seed == rec.Seed:
			open = nil
			ends = append(ends, *rec)
		}
	}
	return ends, open
}

func firstMissing(seeds []uint64, ends []graded.Record) (uint64, bool) {
	done := map[uint64]bool{}
	for _, end := range ends {
		done[end.Seed] = true
	}
	for _, seed := range seeds {
		if !done[seed] {
			return seed, true
		}
	}
	return 0, false
}

// exitText tells how a process ended that neither reported nor crashed.
func exitText(o *outcome) string {
	text := o.exit.Error()
	if exit, ok := o.exit.(*exec.ExitError); ok && exit.Exited() {
		text = fmt.Sprintf("the process exited with status %d", exit.ExitCode())
	} else if ok {
		text = "the process ended by " + text
	}
	if last := lastLine(o.output); last != "" {
		text += fmt.Sprintf(", saying %q", oneLine(last))
	}
	return text
}

// stuckAt tells where a process that ran out of time was. The outermost call of
// the student's code is shown, not the innermost, which differs from run to run.
func stuckAt(test *course.Test, output string) []graded.Section {
	lines := strings.Split(output, "\n")
	c := test.Stage.Project.Course
	for len(lines) > 0 {
		frames := treeFrames(c, lines)
		for i := len(frames) - 1; i >= 0; i-- {
			if frames[i].editable {
				return []graded.Section{{Name: "stuck in", Text: frames[i].function + ", " + strings.SplitN(frames[i].at, ":", 2)[0]}}
			}
		}
		next := 1
		for next < len(lines) && !strings.HasPrefix(lines[next], "goroutine ") {
			next++
		}
		lines = lines[next:]
	}
	return nil
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

package grade

import (
	"context"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pingcap/errors"
	"golang.org/x/sync/errgroup"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/graded"
	"github.com/labkv/labkv/lab/mutants"
)

// A Finding is what a test that does not pass says of a solution, without what differs
// between solutions that make the same mistake: lines, and names of the catalog.
type Finding struct {
	Test   *course.Test
	Status Status
	// Seed is the lowest seed that does not pass, 0 if the test has none.
	Seed uint64
	// Reason is one line.
	Reason string
	// Broken is the rule that a run broke, empty if the test names none.
	Broken string
	// Claim is the guarantee that the test looks at.
	Claim graded.Claim
	// In is the function in which it crashed or was stuck, empty if it was neither.
	In string
}

// A Signature is how a solution fails tests.
type Signature struct {
	// Ran are the tests that ran, in the order of the course's file.
	Ran []*course.Test
	// Findings are about the tests that did not pass, in the same order.
	Findings []Finding
	// Unwritten are those that called a function which is not written yet.
	Unwritten []*course.Test
}

// A Suite is the tests of one stage in one package.
type Suite struct {
	Stage   *course.Stage
	Package string
	Tests   []*course.Test
}

// Suites returns the suites of a course, in the order of its file. A package's tests
// come after those of the packages that its stage names before it.
func Suites(c *course.Course) []Suite {
	var all []Suite
	for _, stage := range c.Stages() {
		for _, dir := range stage.Packages {
			tests := slices.DeleteFunc(slices.Clone(stage.Tests), func(t *course.Test) bool { return t.Package != dir })
			if len(tests) > 0 {
				all = append(all, Suite{Stage: stage, Package: dir, Tests: tests})
			}
		}
	}
	return all
}

// shortStage is the budget of a stage whose tests are quick enough to run on the mutants
// of other stages, too.
const shortStage = 30 * time.Second

// SignatureTests returns the tests that make up the signature of a mutant: those of its
// package in its own stage and in others that are short; or all of its own stage if that
// has none in its package.
func SignatureTests(c *course.Course, m mutants.Mutant) []*course.Test {
	suites := Suites(c)
	own := func(s Suite) bool { return s.Stage.Directive() == m.Stage }
	inDir := slices.ContainsFunc(suites, func(s Suite) bool { return own(s) && s.Package == m.Dir })
	var tests []*course.Test
	for _, s := range suites {
		short := own(s) || s.Stage.Budget.Time <= shortStage
		if inDir && s.Package == m.Dir && short || !inDir && own(s) {
			tests = append(tests, s.Tests...)
		}
	}
	return tests
}

// Signatures returns the signatures of mutants, as the tests that SignatureTests returns
// show them, in the order of the catalog. built must have all of catalog. broad are tests
// that say little of what is wrong.
//
// The tests that are not broad run with their first seed. Only if they all pass do the
// broad ones run, and all of them with QuickSeeds, and then with all of their seeds.
//
// With an error, the signatures of mutants that it has not come to are nil.
func (r *Runner) Signatures(ctx context.Context, built *Built, catalog []mutants.Mutant, broad func(*course.Test) bool) ([]*Signature, error) {
	signatures := make([]*Signature, len(catalog))
	p := progress{report: r.Progress, total: len(catalog)}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(r.jobs())
	for i, m := range catalog {
		group.Go(func() error {
			own := *r
			own.Jobs = 1
			own.Environ = append(slices.Clone(r.Environ), mutants.Variable+"="+m.Name)
			e := examination{runner: &own, built: built, broad: broad, results: map[*course.Test]*Result{}}
			tests := SignatureTests(built.tree.Course, m)
			for round := range rounds {
				if err := e.look(ctx, tests, round); err != nil {
					return err
				}
				if !e.signature().clean() {
					break
				}
			}
			signatures[i] = e.signature()
			p.add(m.Name)
			return nil
		})
	}
	return signatures, group.Wait()
}

// Signature returns the signature of a submission in the first stage of the selection
// that it does not pass, and in further short stages of the packages that its tests are
// in. It is comparable with those that Signatures returns. A submission that cannot be
// run is a Rejection.
func (b *Batch) Signature(ctx context.Context, name string, broad func(*course.Test) bool) (*Signature, error) {
	session, err := b.start(ctx)
	if err != nil {
		return nil, err
	}
	defer session.close()
	submission, err := session.take(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(submission.broken) > 0 {
		return nil, &Rejection{"does not build: " + firstOf(submission.broken)}
	}
	built, err := session.build(ctx, submission)
	if err != nil {
		return nil, err
	}
	defer built.Close()
	for _, dir := range slices.Sorted(maps.Keys(built.failures)) {
		return nil, &Rejection{"does not build: " + built.failures[dir].lines[0]}
	}
	e := examination{runner: b.Runner, built: built, broad: broad, results: map[*course.Test]*Result{}}
	for round := range rounds {
		for _, stage := range b.Selection {
			if err := e.look(ctx, stage.Tests, round); err != nil {
				return nil, err
			}
			if s := e.signature(); !s.clean() {
				return s, e.lookBeside(ctx, stage, round, s)
			}
		}
	}
	return e.signature(), nil
}

// lookBeside runs the tests of further short stages that are in the packages in which
// tests of stage fail, and adds what they find to s.
func (e *examination) lookBeside(ctx context.Context, stage course.StageTests, round int, s *Signature) error {
	var more []*course.Test
	for _, suite := range Suites(stage.Stage.Project.Course) {
		fails := slices.ContainsFunc(s.Findings, func(f Finding) bool { return f.Test.Package == suite.Package })
		_, built := e.built.binaries[suite.Package]
		if fails && built && suite.Stage != stage.Stage && suite.Stage.Budget.Time <= shortStage {
			more = append(more, suite.Tests...)
		}
	}
	err := e.look(ctx, more, round)
	*s = *e.signature()
	return err
}

// An examination gathers the results of tests that run in rounds.
type examination struct {
	runner *Runner
	built  *Built
	broad  func(*course.Test) bool

	mu      sync.Mutex
	results map[*course.Test]*Result
}

// rounds are the seeds of each test that an examination runs one after the other, the first
// one inclusive: a later round is for solutions that pass the earlier ones.
var rounds = [][2]int{{0, 1}, {1, QuickSeeds}, {QuickSeeds, math.MaxInt}}

// look runs a round of tests. Broad ones begin with the second.
func (e *examination) look(ctx context.Context, tests []*course.Test, round int) error {
	var batches []*testBatch
	for _, test := range tests {
		from, to := rounds[round][0], rounds[round][1]
		switch {
		case e.broad(test) && round == 0:
			continue
		case e.broad(test) && round == 1:
			from = 0
		}
		n := len(test.Seeds)
		if n == 0 && e.results[test] == nil {
			batches = batched(batches, test, nil)
		}
		for seeds := range slices.Chunk(test.Seeds[min(from, n):min(to, n)], SeedsPerProcess) {
			batches = batched(batches, test, seeds)
		}
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(e.runner.jobs())
	for _, b := range batches {
		group.Go(func() error { return e.run(ctx, b.tests, b.seeds) })
	}
	return group.Wait()
}

// batched puts a test into the last of batches whose process it can share, or into a new
// one.
func batched(batches []*testBatch, test *course.Test, seeds []uint64) []*testBatch {
	for _, b := range slices.Backward(batches) {
		if b.tests[0].Stage == test.Stage && b.dir == test.Package && slices.Equal(b.seeds, seeds) {
			if len(b.tests) == testsPerProcess {
				break
			}
			b.tests = append(b.tests, test)
			return batches
		}
	}
	return append(batches, &testBatch{dir: test.Package, tests: []*course.Test{test}, seeds: seeds})
}

// run runs tests in as few processes as it takes, since some of them may end theirs, and
// keeps the result of each.
func (e *examination) run(ctx context.Context, tests []*course.Test, seeds []uint64) error {
	for len(tests) > 0 {
		budget := e.runner.budget(tests[0].Stage)
		p := e.runner.processOf(tests, seeds, budget, e.built)
		p.extra = append(slices.Clone(p.extra), "LABKV_BRIEF=1")
		o, err := p.start(ctx, e.runner.Sandbox, e.built.scratch.dir)
		if err != nil {
			return err
		}
		var rest []*course.Test
		for _, test := range tests {
			a := accountOf(test.Name, o.records)
			switch {
			case a.open == nil && len(a.ends) == 0:
				rest = append(rest, test)
			case a.open == nil:
				e.keep(judge(test, seeds, budget, alone(o, a)))
			case o.late != nil && len(tests) > 1:
				// The others have had a part of its time.
				if err := e.run(ctx, []*course.Test{test}, seeds); err != nil {
					return err
				}
			default:
				e.keep(judge(test, seeds, budget, o))
			}
		}
		if len(rest) == len(tests) { // the process ended before any test began
			e.keep(judge(rest[0], seeds, budget, o))
			rest = rest[1:]
		}
		tests = rest
	}
	return nil
}

// errBad stands for the exit status of a process in which a test failed.
var errBad = errors.New("exit status 1")

// alone is the outcome of a process without what tests after the one of a did to it.
func alone(o *outcome, a account) *outcome {
	own := &outcome{records: o.records, recordsErr: o.recordsErr}
	if a.bad != nil {
		own.exit = errBad
	}
	return own
}

func (e *examination) keep(r *Result) {
	e.mu.Lock()
	defer e.mu.Unlock()
	// The lowest seed that does not pass counts, whichever process ends first.
	if old := e.results[r.Test]; old == nil || old.Status == Passed || r.Status != Passed && r.Seed < old.Seed {
		e.results[r.Test] = r
	}
}

// signature makes a signature of the results so far.
func (e *examination) signature() *Signature {
	s := &Signature{}
	for _, stage := range e.built.tree.Course.Stages() {
		for _, test := range stage.Tests {
			r := e.results[test]
			if r == nil {
				continue
			}
			s.Ran = append(s.Ran, test)
			switch r.Status {
			case Passed, Skipped:
			case NotImplemented:
				s.Unwritten = append(s.Unwritten, test)
			default:
				s.Findings = append(s.Findings, findingOf(r))
			}
		}
	}
	return s
}

// clean reports whether all tests passed.
func (s *Signature) clean() bool { return len(s.Findings)+len(s.Unwritten) == 0 }

var (
	inFunction = regexp.MustCompile(`, in (\S+?)(, which .*)?$`)
	// ofCatalog is what lab/mutants appends to the name of a function.
	ofCatalog = regexp.MustCompile(`_(original|[0-9][a-z]*_[a-z0-9_]+)$`)
)

func findingOf(r *Result) Finding {
	f := Finding{Test: r.Test, Status: r.Status, Seed: r.Seed, Reason: r.Reason, Broken: sectionText(r.Sections, "broken"), Claim: r.Claim}
	if m := inFunction.FindStringSubmatch(r.Reason); m != nil && strings.HasPrefix(r.Reason, "panic: ") {
		f.In = ofCatalog.ReplaceAllString(m[1], "")
		f.Reason = strings.TrimSuffix(r.Reason, m[0])
	} else if stuck := sectionText(r.Sections, "stuck in"); stuck != "" {
		f.In = stuck
	}
	return f
}

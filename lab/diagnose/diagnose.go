// Package diagnose compares how a submission fails the tests with how the mutants of
// lab/mutants fail them, and says which mistakes are the nearest. What it says is a ladder
// of hints: the guarantee that broke, where the guide states it, a question that leads to
// the mistake, and the description of a mistake that fails in the same way. It never shows
// code, and it is silent if nothing is near: a wrong guess is worse than none.
//
// # How near is near
//
// A signature is the tests that a solution fails, with what each of them says. A theme is a
// group of mistakes about the same thing; questions.yaml beside the mutants lists them with
// their tests. Two things speak for a theme:
//
//   - the tests of the theme that the submission fails, in the first stage that it does not
//     pass: each weighs the more, the fewer mutants fail it. Later stages often fail for
//     the same reason, and in places that have nothing to do with it.
//   - the mutant of the theme whose signature is the most similar. Marks count that both
//     have (the test, the shape of what it says, the exact words, the rule that broke, the
//     function that crashed) against those that one of them has, each the more, the rarer it
//     is in the catalog. Tests that only one of the two has run do not count.
//
// The weights and the limits below are from the catalog itself: each mutant in turn was
// left out, and diagnosed with the others.
package diagnose

import (
	"cmp"
	"math"
	"path/filepath"
	"slices"

	"github.com/pingcap/errors"

	"github.com/labkv/labkv/lab/course"
	"github.com/labkv/labkv/lab/grade"
	"github.com/labkv/labkv/lab/mutants"
)

const (
	// similarityWeight is how much the most similar mutant of a theme says, compared with
	// the tests of the theme.
	similarityWeight = 2
	// laterStage is the weight of marks of stages after the first that is not passed.
	laterStage = 0.3
	// leastScore is the score of the best theme below which nothing is near.
	leastScore = 0.6
	// leastShare is the part of the best score that a further theme needs.
	leastShare = 0.15
	// leastSimilarity is what makes a mutant's description of any use.
	leastSimilarity = 0.1
	// most is how many themes a diagnosis has at most.
	most = 3
)

// weights of the parts of a mark.
const (
	testWeight   = 1.0
	shapeWeight  = 1.0
	detailWeight = 0.5
	ruleWeight   = 1.0
	inWeight     = 1.5
)

// A Catalog is what submissions are compared with.
type Catalog struct {
	course  *course.Course
	themes  *Themes
	clauses []*grade.Clauses
	entries []*entry
	// fails counts the mutants that have a feature.
	fails map[feature]int
}

// An entry is a mutant of the catalog.
type entry struct {
	mutant mutants.Mutant
	marks  marks
	ran    map[string]bool // tests
	theme  *Theme          // nil if its tests point nowhere
}

// A feature is what two signatures have in common, or have not.
type feature struct{ kind, test, text string }

// Load reads the catalog of a course.
func Load(c *course.Course) (*Catalog, error) {
	catalog, err := mutants.Load(c.Root, c.Directives())
	if err != nil {
		return nil, err
	}
	themes, err := LoadThemes(c)
	if err != nil {
		return nil, err
	}
	signatures, err := ReadSignatures(filepath.Join(c.Root, filepath.FromSlash(SignaturesFile)))
	if err != nil {
		return nil, err
	}
	if err := signatures.Check(c, catalog); err != nil {
		return nil, errors.Annotatef(err, "%s (lab mutants [MUTANT ...] --signatures %[1]s brings it up to date)", SignaturesFile)
	}
	for name := range themes.takes {
		if _, ok := signatures[name]; !ok {
			return nil, errors.Errorf("%s: there is no mutant %s", QuestionsFile, name)
		}
	}
	clauses, err := grade.LoadClauses(c)
	if err != nil {
		return nil, err
	}
	return newCatalog(c, themes, clauses, catalog, signatures), nil
}

func newCatalog(c *course.Course, themes *Themes, clauses []*grade.Clauses, catalog []mutants.Mutant, signatures Signatures) *Catalog {
	k := &Catalog{course: c, themes: themes, clauses: clauses, fails: map[feature]int{}}
	for _, m := range catalog {
		e := &entry{mutant: m, marks: signatures[m.Name], ran: map[string]bool{}}
		for _, test := range grade.SignatureTests(c, m) {
			e.ran[test.Name] = true
		}
		for _, f := range featuresOf(e.marks, func(string) float64 { return 1 }).order {
			k.fails[f]++
		}
		k.entries = append(k.entries, e)
	}
	for _, e := range k.entries {
		if e.theme = themes.takes[e.mutant.Name]; e.theme != nil {
			continue
		}
		stage, _ := c.Stage(e.mutant.Stage)
		if votes := k.votes(e.marks, stage); len(votes) > 0 {
			e.theme = votes[0].theme
		}
	}
	return k
}

// Broad reports whether a test says little of what is wrong, see [Themes].
func (k *Catalog) Broad(test *course.Test) bool { return k.themes.Broad(test) }

// features are what is compared of a signature, each feature once, in the order of the
// marks: sums depend on an order.
type features struct {
	order  []feature
	weight map[feature]float64
}

// featuresOf returns the features of marks with their weights; weigh returns the weight of a
// test.
func featuresOf(ms marks, weigh func(test string) float64) features {
	all := features{weight: map[feature]float64{}}
	for _, m := range ms {
		w := weigh(m.test)
		add := func(kind, test, text string, weight float64) {
			if w <= 0 || text == "" {
				return
			}
			f := feature{kind, test, text}
			old, ok := all.weight[f]
			if !ok {
				all.order = append(all.order, f)
			}
			all.weight[f] = max(old, w*weight)
		}
		add("test", m.test, m.test, testWeight)
		add("shape", m.test, m.shape, shapeWeight)
		add("detail", m.test, m.detail, detailWeight)
		add("rule", "", m.rule, ruleWeight)
		add("in", "", m.in, inWeight)
	}
	return all
}

// rarity is the information in a feature.
func (k *Catalog) rarity(f feature) float64 {
	return math.Log(float64(len(k.entries)+1) / float64(max(1, k.fails[f])))
}

// similarity is between 0 and 1.
func (k *Catalog) similarity(a, b features) float64 {
	both, all := 0.0, 0.0
	for _, f := range a.order {
		r := k.rarity(f)
		both += r * min(a.weight[f], b.weight[f])
		all += r * max(a.weight[f], b.weight[f])
	}
	for _, f := range b.order {
		if _, ok := a.weight[f]; !ok {
			all += k.rarity(f) * b.weight[f]
		}
	}
	if all == 0 {
		return 0
	}
	return both / all
}

// total is the weight of features.
func (k *Catalog) total(all features) float64 {
	sum := 0.0
	for _, f := range all.order {
		sum += k.rarity(f) * all.weight[f]
	}
	return sum
}

// A vote is the part of the failing tests that speaks for a theme.
type vote struct {
	theme *Theme
	share float64
}

// votes returns what the tests of a stage that fail speak for, the best first. If none of
// them has a theme, the failing tests of all stages count.
func (k *Catalog) votes(ms marks, stage *course.Stage) []vote {
	var votes []vote
	sum := 0.0
	for _, m := range ms {
		test, _ := k.course.Test(m.test)
		theme := k.themes.of[m.test]
		if theme == nil || stage != nil && test.Stage != stage {
			continue
		}
		weight := 1 / float64(max(1, k.fails[feature{"test", m.test, m.test}]))
		sum += weight
		i := slices.IndexFunc(votes, func(v vote) bool { return v.theme == theme })
		if i < 0 {
			i = len(votes)
			votes = append(votes, vote{theme: theme})
		}
		votes[i].share += weight
	}
	if len(votes) == 0 && stage != nil {
		return k.votes(ms, nil)
	}
	for i := range votes {
		votes[i].share /= sum
	}
	slices.SortStableFunc(votes, func(a, b vote) int { return cmp.Compare(b.share, a.share) })
	return votes
}

// A Diagnosis is what is said of a submission.
type Diagnosis struct {
	// Stage is the first stage that is not passed, nil if every test passed that ran.
	Stage *course.Stage
	// Unwritten are tests that called a function which is not written yet.
	Unwritten []*course.Test
	Findings  []grade.Finding
	// Candidates are the themes that are near, the nearest first; none if nothing is.
	Candidates []*Candidate
}

// A Candidate is a theme that is near.
type Candidate struct {
	Theme *Theme
	// Score is how near it is. It has no unit.
	Score float64
	// Finding is the one that says the most about the theme.
	Finding grade.Finding
	// Near are mutants of the theme that fail similarly, the most similar first.
	Near []Near
}

// Near is a mutant that fails similarly.
type Near struct {
	Mutant     mutants.Mutant
	Similarity float64 // 1: in the same way
}

// Diagnose compares a signature with the catalog's.
func (k *Catalog) Diagnose(s *grade.Signature) *Diagnosis { return k.diagnose(s, "") }

// diagnose leaves one mutant of the catalog out.
func (k *Catalog) diagnose(s *grade.Signature, without string) *Diagnosis {
	d := &Diagnosis{Unwritten: s.Unwritten, Findings: s.Findings}
	if len(s.Findings) == 0 {
		return d
	}
	d.Stage = s.Findings[0].Test.Stage
	d.Candidates = k.candidates(marksOf(s.Findings), s.Ran, d.Stage, without)
	for _, c := range d.Candidates {
		c.Finding = k.telling(s.Findings, d.Stage, c)
	}
	return d
}

// candidates returns the themes that are near to marks of tests that ran, without one
// mutant of the catalog. stage is the first one that is not passed.
func (k *Catalog) candidates(ms marks, tests []*course.Test, stage *course.Stage, without string) []*Candidate {
	ran := map[string]bool{}
	for _, test := range tests {
		ran[test.Name] = true
	}
	weigh := func(test string) float64 {
		if t, ok := k.course.Test(test); ok && t.Stage != stage {
			return laterStage
		}
		return 1
	}

	var all []*Candidate
	byTheme := map[*Theme]*Candidate{}
	candidate := func(t *Theme) *Candidate {
		if byTheme[t] == nil {
			byTheme[t] = &Candidate{Theme: t}
			all = append(all, byTheme[t])
		}
		return byTheme[t]
	}
	for _, v := range k.votes(ms, stage) {
		candidate(v.theme).Score = v.share
	}
	whole := k.total(featuresOf(ms, weigh))
	for _, e := range k.entries {
		if e.theme == nil || e.mutant.Name == without || !ms.meet(e.marks) {
			continue
		}
		mine := featuresOf(ms, func(test string) float64 {
			if !e.ran[test] {
				return 0
			}
			return weigh(test)
		})
		if len(mine.order) == 0 {
			continue
		}
		theirs := featuresOf(e.marks, func(test string) float64 {
			if !ran[test] {
				return 0
			}
			return weigh(test)
		})
		// What the mutant has not run speaks neither for it nor against it.
		if near := k.similarity(mine, theirs) * k.total(mine) / whole; near > 0 {
			c := candidate(e.theme)
			c.Near = append(c.Near, Near{e.mutant, near})
		}
	}
	for _, c := range all {
		slices.SortStableFunc(c.Near, func(a, b Near) int { return cmp.Compare(b.Similarity, a.Similarity) })
		if len(c.Near) > 0 {
			c.Score += similarityWeight * c.Near[0].Similarity
		}
		c.Near = slices.DeleteFunc(c.Near, func(n Near) bool { return n.Similarity < leastSimilarity })
		c.Near = c.Near[:min(len(c.Near), most)]
	}
	slices.SortStableFunc(all, func(a, b *Candidate) int { return cmp.Compare(b.Score, a.Score) })
	if len(all) == 0 || all[0].Score < leastScore {
		return nil
	}
	best := all[0].Score
	all = slices.DeleteFunc(all, func(c *Candidate) bool { return c.Score < leastShare*best })
	return all[:min(len(all), most)]
}

// meet reports whether two signatures can have a feature in common.
func (ms marks) meet(others marks) bool {
	same := func(a, b string) bool { return a != "" && a == b }
	return slices.ContainsFunc(ms, func(m mark) bool {
		return slices.ContainsFunc(others, func(o mark) bool {
			return m.test == o.test || same(m.rule, o.rule) || same(m.in, o.in)
		})
	})
}

// telling returns the finding that says the most about a candidate: of a test of its
// theme, in the first stage, that few mutants fail; or else of a test that its nearest
// mutant fails, too.
func (k *Catalog) telling(findings []grade.Finding, stage *course.Stage, c *Candidate) grade.Finding {
	shared := map[string]bool{}
	if len(c.Near) > 0 {
		for _, e := range k.entries {
			if e.mutant.Name == c.Near[0].Mutant.Name {
				for _, m := range e.marks {
					shared[m.test] = true
				}
			}
		}
	}
	rank := func(f grade.Finding) float64 {
		r := k.rarity(feature{"test", f.Test.Name, f.Test.Name})
		if k.themes.of[f.Test.Name] == c.Theme {
			r += 400
		}
		if shared[f.Test.Name] {
			r += 200
		}
		if f.Test.Stage == stage {
			r += 100
		}
		return r
	}
	return slices.MaxFunc(findings, func(a, b grade.Finding) int { return cmp.Compare(rank(a), rank(b)) })
}

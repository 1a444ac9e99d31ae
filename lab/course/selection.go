package course

import (
	"regexp"
	"slices"
	"strings"

	"github.com/pingcap/errors"
)

// Selection is a set of tests, grouped by stage in the order of the file.
type Selection []StageTests

// StageTests are selected tests of one stage. Where not all of them are, the
// stage's points are not at stake.
type StageTests struct {
	Stage *Stage
	Tests []*Test
}

// Whole reports whether all tests of the stage are selected.
func (st StageTests) Whole() bool { return len(st.Tests) == len(st.Stage.Tests) }

// Tests returns all selected tests in order.
func (s Selection) Tests() []*Test {
	var all []*Test
	for _, st := range s {
		all = append(all, st.Tests...)
	}
	return all
}

var leadingNumber = regexp.MustCompile(`^[0-9]+`)

// covers reports whether a selector stands for the stage with an id: "2" and
// "2a" for 2aa, but "1" not for 10a.
func covers(selector, id string) bool {
	return strings.HasPrefix(id, selector) &&
		leadingNumber.FindString(selector) == leadingNumber.FindString(id)
}

// SelectStages returns the stages that selectors name, in the order of the file.
// Selectors nest: 2 stands for 2aa, 2ab, 2b and so on; case does not matter; no
// selector stands for all stages.
func (c *Course) SelectStages(selectors ...string) ([]*Stage, error) {
	if len(selectors) == 0 {
		return c.Stages(), nil
	}
	chosen := map[string]bool{}
	for _, selector := range selectors {
		stages := c.covered(selector)
		if len(stages) == 0 {
			return nil, c.unknownStage(selector)
		}
		for _, s := range stages {
			chosen[s.ID] = true
		}
	}
	return slices.DeleteFunc(c.Stages(), func(s *Stage) bool { return !chosen[s.ID] }), nil
}

// covered returns the stages that one selector names.
func (c *Course) covered(selector string) []*Stage {
	return slices.DeleteFunc(c.Stages(), func(s *Stage) bool { return !covers(strings.ToLower(selector), s.ID) })
}

func (c *Course) unknownStage(selector string) error {
	var ids []string
	for _, s := range c.Stages() {
		ids = append(ids, s.ID)
	}
	// A test that was written without its first word is more likely than a stage
	// of that length.
	if len(selector) > 4 {
		if name := closest("Test"+selector, c.testNames()); name != "" {
			return errors.Errorf("unknown stage %q; did you mean the test %s?", selector, name)
		}
	}
	return errors.Errorf("unknown stage %q: there is %s%s", selector, strings.Join(ids, ", "), DidYouMean(selector, ids))
}

func (c *Course) testNames() []string {
	var names []string
	for _, s := range c.Stages() {
		for _, t := range s.Tests {
			names = append(names, t.Name)
		}
	}
	return names
}

// IsTest reports whether a selector stands for a test, and not for a stage.
func IsTest(selector string) bool {
	return strings.Contains(selector, "/") || strings.HasPrefix(strings.ToLower(selector), "test")
}

// FindTest returns the test that a selector names: by its name, or by a stage
// and its name, as in 2aa/TestLeaderElection2AA. Case does not matter.
func (c *Course) FindTest(selector string) (*Test, error) {
	stage, name, within := strings.Cut(selector, "/")
	if !within {
		name = selector
	} else if len(c.covered(stage)) == 0 {
		return nil, c.unknownStage(stage)
	}
	t, ok := c.Test(name)
	switch {
	case !ok:
		if guess := DidYouMean(name, c.testNames()); guess != "" {
			return nil, errors.Errorf("unknown test %q%s", name, guess)
		}
		return nil, errors.Errorf("unknown test %q: \"lab explain STAGE\" lists the tests of a stage", name)
	case within && !covers(strings.ToLower(stage), t.Stage.ID):
		return nil, errors.Errorf("%s is not a test of stage %s but of %s", t.Name, stage, t.Stage.ID)
	}
	return t, nil
}

// Select returns the tests that selectors name. A selector is a stage, as for
// SelectStages, or a test, as for FindTest.
func (c *Course) Select(selectors ...string) (Selection, error) {
	chosen := map[*Test]bool{}
	var stageSelectors []string
	for _, selector := range selectors {
		if !IsTest(selector) {
			stageSelectors = append(stageSelectors, selector)
			continue
		}
		t, err := c.FindTest(selector)
		if err != nil {
			return nil, err
		}
		chosen[t] = true
	}
	if len(selectors) == 0 || len(stageSelectors) > 0 {
		stages, err := c.SelectStages(stageSelectors...)
		if err != nil {
			return nil, err
		}
		for _, s := range stages {
			for _, t := range s.Tests {
				chosen[t] = true
			}
		}
	}
	var selection Selection
	for _, s := range c.Stages() {
		st := StageTests{Stage: s}
		for _, t := range s.Tests {
			if chosen[t] {
				st.Tests = append(st.Tests, t)
			}
		}
		if len(st.Tests) > 0 {
			selection = append(selection, st)
		}
	}
	return selection, nil
}

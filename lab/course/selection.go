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
	var ids []string
	for _, s := range c.Stages() {
		ids = append(ids, s.ID)
	}
	if len(selectors) == 0 {
		return c.Stages(), nil
	}
	chosen := map[string]bool{}
	for _, selector := range selectors {
		found := false
		for _, id := range ids {
			if covers(strings.ToLower(selector), id) {
				chosen[id], found = true, true
			}
		}
		if !found {
			return nil, errors.Errorf("unknown stage %q: there is %s", selector, strings.Join(ids, ", "))
		}
	}
	return slices.DeleteFunc(c.Stages(), func(s *Stage) bool { return !chosen[s.ID] }), nil
}

// Select returns the tests that selectors name. A selector is a stage, as for
// SelectStages, or the name of a test.
func (c *Course) Select(selectors ...string) (Selection, error) {
	chosen := map[*Test]bool{}
	var stageSelectors []string
	for _, selector := range selectors {
		if !strings.HasPrefix(strings.ToLower(selector), "test") {
			stageSelectors = append(stageSelectors, selector)
			continue
		}
		t, ok := c.Test(selector)
		if !ok {
			return nil, errors.Errorf("unknown test %q: \"lab explain STAGE\" lists the tests of a stage", selector)
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
